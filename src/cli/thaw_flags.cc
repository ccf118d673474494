#include "cli/thaw_flags.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "engine/list_prices.h"

namespace maxbrod::cli {
namespace {

struct ClassSum {
  uint64_t packs = 0, bytes = 0;
};

std::map<std::string, ClassSum> ColdByClass(const engine::ThawNeed& need) {
  std::map<std::string, ClassSum> classes;
  for (const engine::ArchivedPack& pack : need.archived) {
    if (!pack.cold()) continue;
    ++classes[pack.storage_class].packs;
    classes[pack.storage_class].bytes += pack.bytes;
  }
  return classes;
}

// When the first readable copy ends; 0: there is none.
int64_t FirstEnd(const engine::ThawNeed& need) {
  int64_t first = 0;
  for (const engine::ArchivedPack& pack : need.archived) {
    if (pack.cold()) continue;
    first = first == 0 ? pack.thawed_until_ms : std::min(first, pack.thawed_until_ms);
  }
  return first;
}

std::string Dollars(double dollars) {
  char text[32];
  std::snprintf(text, sizeof(text), "$%.2f", dollars);
  return text;
}

}  // namespace

void ThawFlags::Add(CLI::App* verb) {
  auto* thaw = verb->add_option("--thaw", tier,
                                "Thaw what is in cold storage (GLACIER, DEEP_ARCHIVE): standard, "
                                "bulk or expedited. It costs money")
                   ->check(CLI::IsMember({"standard", "bulk", "expedited"}));
  verb->add_option("--thaw-days", days,
                   "How long the readable copies live (default: what reading takes, twice); "
                   "lengthened while it goes on")
      ->check(CLI::Range(1, 365))
      ->needs(thaw);
  verb->add_flag("--wait", wait,
                 "Wait until it is thawed, and go on; without it the run ends with exit code 20, "
                 "and the same command goes on later")
      ->needs(thaw);
}

Result<engine::ThawOptions> ThawFlags::Options() const {
  engine::ThawOptions options;
  if (!tier.empty()) {
    MB_ASSIGN_OR_RETURN(options.tier, engine::ParseThawTier(tier));
  }
  options.days = days;
  options.wait = wait;
  return options;
}

nlohmann::json ThawJson(const engine::ThawNeed& need, const engine::ThawOptions& options,
                        double reading_seconds) {
  if (need.archived.empty()) return nlohmann::json();
  nlohmann::json classes = nlohmann::json::array();
  for (const auto& [name, sum] : ColdByClass(need))
    classes.push_back({{"storage_class", name}, {"packs", sum.packs}, {"bytes", sum.bytes}});
  nlohmann::json tiers = nlohmann::json::array();
  for (const engine::ThawOffer& o :
       engine::ThawOffers(need.archived, options.days, reading_seconds)) {
    if (!o.available) continue;
    tiers.push_back({{"tier", std::string(engine::NameOf(o.tier))},
                     {"dollars", o.dollars},
                     {"seconds_min", o.seconds_min},
                     {"seconds_max", o.seconds_max},
                     {"days", o.days}});
  }
  nlohmann::json out = {{"packs_read", need.packs},
                        {"packs", need.cold()},
                        {"bytes", need.cold_bytes()},
                        {"thawing", need.thawing()},
                        {"thawed", need.archived.size() - need.cold()},
                        {"classes", classes},
                        {"tiers", need.cold() > 0 ? tiers : nlohmann::json::array()},
                        {"prices_of", std::string(engine::kListPricesOf)},
                        {"unknown", need.unknown}};
  out["tier"] =
      options.tier ? nlohmann::json(std::string(engine::NameOf(*options.tier))) : nlohmann::json();
  int64_t end = FirstEnd(need);
  out["thawed_until_ms"] = end == 0 ? nlohmann::json() : nlohmann::json(end);
  return out;
}

void PrintThaw(const engine::ThawNeed& need, const engine::ThawOptions& options,
               double reading_seconds) {
  if (need.archived.empty()) return;
  size_t thawed = need.archived.size() - need.cold();
  std::cout << "\ncold storage: " << FormatCount(need.cold()) << " of " << FormatCount(need.packs)
            << " packs must be thawed before they are read (" << FormatBytes(need.cold_bytes())
            << ")";
  if (need.thawing() > 0) std::cout << "; " << FormatCount(need.thawing()) << " are being thawed";
  if (thawed > 0) {
    std::cout << "; " << FormatCount(thawed) << " are readable for a while, until "
              << FormatTime(FirstEnd(need)) << " at least";
  }
  std::cout << "\n";
  if (need.cold() == 0) return;
  std::string classes;
  for (const auto& [name, sum] : ColdByClass(need))
    classes += (classes.empty() ? "" : ", ") + name + " " + FormatBytes(sum.bytes);
  Table table({"THAW", ">PRICE", "TAKES", ">COPIES LIVE", "CLASSES", ""});
  for (const engine::ThawOffer& o :
       engine::ThawOffers(need.archived, options.days, reading_seconds)) {
    std::string name(engine::NameOf(o.tier));
    if (!o.available) {
      table.Row({name, "-", "not for all of these classes", "", classes, ""});
      continue;
    }
    table.Row({name, Dollars(o.dollars), engine::ThawTimeText(o.seconds_min, o.seconds_max),
               std::to_string(o.days) + (o.days == 1 ? " day" : " days"), classes,
               options.tier == o.tier ? "chosen" : ""});
  }
  table.Print(std::cout);
  std::cout << "prices: for all of it, list prices of " << engine::kListPricesOf << "\n";
  for (const std::string& what : need.unknown)
    std::cout << "known only after the thaw: " << what << "\n";
}

}  // namespace maxbrod::cli
