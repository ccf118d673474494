#include "engine/thaw.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <iterator>
#include <set>

#include "base/limits.h"
#include "base/user_time.h"
#include "engine/list_prices.h"
#include "engine/parallel.h"

namespace maxbrod::engine {
namespace {

constexpr size_t kThreads = 8;
constexpr int64_t kDaySeconds = 86'400;
constexpr int64_t kDayMs = kDaySeconds * 1000;
constexpr int kDaysMax = 365;
constexpr Millis kPollFirst{1'000};
constexpr Millis kPollLeast{15'000};  // in the long run
constexpr Millis kPollMost{300'000};
// Packs looked at together; a poll ends with the first such batch of which none is readable.
constexpr size_t kPollBatch = 64;
// A thaw that takes so many times what is typical, and at least so long, is given up.
constexpr int64_t kStallFactor = 4;
constexpr int64_t kStallSecondsMin = 3'600;
// Copies that end sooner than this are lengthened.
constexpr int64_t kExtendMs = kDayMs / 2;
constexpr Millis kKeepPeriod{600'000};

std::string SizeText(uint64_t bytes) {
  double size = static_cast<double>(bytes);
  if (bytes >= kGiB) return fmt::format("{:.1f} GiB", size / static_cast<double>(kGiB));
  if (bytes >= kMiB) return fmt::format("{:.1f} MiB", size / static_cast<double>(kMiB));
  return fmt::format("{} bytes", bytes);
}

std::string PacksText(size_t packs) {
  return packs == 1 ? "1 pack" : fmt::format("{} packs", packs);
}

std::string SpanText(int64_t seconds) {
  if (seconds < 90) return fmt::format("{} s", seconds);
  int64_t minutes = (seconds + 59) / 60;
  if (minutes < 120) return fmt::format("{} min", minutes);
  if (minutes % 60 == 0 || minutes >= 600) return fmt::format("{} h", (minutes + 59) / 60);
  return fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

uint64_t BytesOf(const std::vector<ArchivedPack>& packs) {
  uint64_t bytes = 0;
  for (const ArchivedPack& pack : packs) bytes += pack.bytes;
  return bytes;
}

std::string ClassesText(const std::vector<ArchivedPack>& packs) {
  std::set<std::string> classes;
  for (const ArchivedPack& pack : packs) {
    if (pack.cold()) classes.insert(pack.storage_class);
  }
  std::string text;
  for (const std::string& name : classes) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string DollarsText(double dollars) {
  if (dollars == 0) return "free";
  return dollars < 0.01 ? "less than $0.01" : fmt::format("about ${:.2f}", dollars);
}

std::vector<ArchivedPack> ColdOf(const std::vector<ArchivedPack>& packs) {
  std::vector<ArchivedPack> cold;
  std::copy_if(packs.begin(), packs.end(), std::back_inserter(cold),
               [](const ArchivedPack& pack) { return pack.cold(); });
  return cold;
}

ThawOffer OfferOf(const std::vector<ArchivedPack>& packs, store::ThawTier tier, int days,
                  double reading_seconds) {
  ThawOffer offer;
  offer.tier = tier;
  double copies_gib = 0;
  for (const ArchivedPack& pack : packs) {
    if (!pack.cold()) continue;
    const ThawRate* rate = FindThawRate(pack.storage_class, tier);
    if (rate == nullptr) {
      offer.available = false;
      continue;
    }
    offer.seconds_max = std::max(offer.seconds_max, rate->seconds_max);
    if (rate->seconds_min > 0) {
      int64_t before = offer.seconds_min > 0 ? offer.seconds_min : rate->seconds_min;
      offer.seconds_min = std::min(before, rate->seconds_min);
    }
    if (pack.thawing) continue;  // paid for already
    double gib = static_cast<double>(pack.bytes) / static_cast<double>(kGiB);
    offer.dollars += rate->dollars_per_gib * gib + rate->dollars_per_1000_requests / 1000;
    if (ThawMakesCopy(pack.storage_class)) copies_gib += gib;
  }
  offer.days = days > 0 ? days : ThawDays(offer.seconds_max, reading_seconds);
  offer.dollars += copies_gib * kStandardDollarsPerGibMonth * offer.days / kDaysPerMonth;
  return offer;
}

}  // namespace

size_t ThawNeed::cold() const {
  return static_cast<size_t>(std::count_if(archived.begin(), archived.end(),
                                           [](const ArchivedPack& p) { return p.cold(); }));
}

uint64_t ThawNeed::cold_bytes() const {
  return BytesOf(ColdOf(archived));
}

size_t ThawNeed::thawing() const {
  return static_cast<size_t>(std::count_if(archived.begin(), archived.end(),
                                           [](const auto& p) { return p.cold() && p.thawing; }));
}

void ThawNeed::AddUnknown(const std::string& what) {
  if (std::find(unknown.begin(), unknown.end(), what) == unknown.end()) unknown.push_back(what);
}

int ThawDays(int64_t thaw_seconds_max, double reading_seconds) {
  double seconds = static_cast<double>(thaw_seconds_max) + 2 * std::max(reading_seconds, 0.0);
  double days = std::ceil(seconds / static_cast<double>(kDaySeconds));
  return static_cast<int>(std::clamp(days, 1.0, static_cast<double>(kDaysMax)));
}

std::vector<ThawOffer> ThawOffers(const std::vector<ArchivedPack>& packs, int days,
                                  double reading_seconds) {
  std::vector<ThawOffer> offers;
  for (store::ThawTier tier : kThawTiers)
    offers.push_back(OfferOf(packs, tier, days, reading_seconds));
  return offers;
}

std::string ThawTimeText(int64_t seconds_min, int64_t seconds_max) {
  if (seconds_min == 0) return "up to " + SpanText(seconds_max);
  return SpanText(seconds_min) + " to " + SpanText(seconds_max);
}

Status ColdRefusal(const ThawNeed& need, double reading_seconds, const std::string& reader) {
  std::string text = fmt::format("{} of {} that {} reads ({}) are in cold storage ({})",
                                 need.cold(), PacksText(need.packs), reader,
                                 SizeText(need.cold_bytes()), ClassesText(need.archived));
  if (need.thawing() > 0) text += fmt::format("; {} are being thawed", need.thawing());
  std::string offers;
  for (const ThawOffer& offer : ThawOffers(need.archived, 0, reading_seconds)) {
    if (!offer.available) continue;
    offers +=
        fmt::format("{}--thaw {} ({}, {})", offers.empty() ? "" : ", or ", NameOf(offer.tier),
                    ThawTimeText(offer.seconds_min, offer.seconds_max), DollarsText(offer.dollars));
  }
  return Status(Code::kUnavailable, text)
      .WithHint(fmt::format("{}; with --wait it goes on by itself. List prices of {}", offers,
                            kListPricesOf));
}

int64_t Thaw::SecondsMin(const std::vector<ArchivedPack>& packs) const {
  return OfferOf(packs, tier(), 0, 0).seconds_min;
}

int64_t Thaw::SecondsMax(const std::vector<ArchivedPack>& packs) const {
  return OfferOf(packs, tier(), 0, 0).seconds_max;
}

Status Thaw::CheckTier(const std::vector<ArchivedPack>& packs) const {
  for (const ArchivedPack& pack : packs) {
    if (!pack.cold() || pack.thawing) continue;
    if (FindThawRate(pack.storage_class, tier()) != nullptr) continue;
    return Status(Code::kInvalidArgument,
                  fmt::format("{} has no {} retrieval ('{}' lies there)", pack.storage_class,
                              NameOf(tier()), pack.name))
        .WithHint("--thaw standard, or --thaw bulk");
  }
  return Status::Ok();
}

void Thaw::Keep(const ArchivedPack& pack) {
  std::lock_guard lock(mutex_);
  kept_[pack.name] = pack;
}

Status Thaw::RequestOne(ArchivedPack* pack, const CallContext& context) {
  int days = ThawMakesCopy(pack->storage_class) ? days_ : 0;
  MB_RETURN_IF_ERROR(store_.control()->Thaw(pack->name, days, tier(), context));
  pack->thawing = true;
  return Status::Ok();
}

Status Thaw::Request(const std::vector<ArchivedPack>& packs, double reading_seconds,
                     const CallContext& context) {
  std::vector<ArchivedPack> wanted;
  for (const ArchivedPack& pack : packs) {
    if (!pack.cold()) Keep(pack);
    if (pack.cold() && !pack.thawing) wanted.push_back(pack);
  }
  if (wanted.empty()) return Status::Ok();
  if (!options_.tier) return Status(Code::kInternal, "nobody chose how to thaw");
  MB_RETURN_IF_ERROR(CheckTier(wanted));
  ThawOffer offer = OfferOf(wanted, tier(), options_.days, reading_seconds);
  {
    std::lock_guard lock(mutex_);
    days_ = offer.days;
  }
  std::atomic<size_t> done{0};
  Status status = ForEachInParallel(wanted.size(), kThreads, [&](size_t i) {
    MB_RETURN_IF_ERROR(context.Check());
    MB_RETURN_IF_ERROR(RequestOne(&wanted[i], context));
    ++done;
    return Status::Ok();
  });
  if (!status.ok()) {
    return std::move(status).WithContext(
        fmt::format("thawing ({} of {} are asked for)", done.load(), PacksText(wanted.size())));
  }
  progress_.Note(fmt::format(
      "asked for the thaw of {} ({}), {}: {}, copies for {} days, {} at list price ({})",
      PacksText(wanted.size()), SizeText(BytesOf(wanted)), NameOf(tier()),
      ThawTimeText(offer.seconds_min, offer.seconds_max), offer.days, DollarsText(offer.dollars),
      kListPricesOf));
  return Status::Ok();
}

Status Thaw::MakeReadable(const std::vector<ArchivedPack>& packs, double reading_seconds,
                          const CallContext& context) {
  MB_RETURN_IF_ERROR(Request(packs, reading_seconds, context));
  std::vector<ArchivedPack> pending = ColdOf(packs);
  if (pending.empty()) return Status::Ok();
  for (ArchivedPack& pack : pending) pack.thawing = true;
  return options_.wait ? Await(std::move(pending), context) : StillThawing(pending);
}

Status Thaw::StillThawing(const std::vector<ArchivedPack>& pending) const {
  return Status(Code::kIncomplete,
                fmt::format("{} ({}) are being thawed and not there yet; nothing else was done",
                            PacksText(pending.size()), SizeText(BytesOf(pending))))
      .WithHint(fmt::format("that takes {} from the request on: run the same command again then, "
                            "or with --wait",
                            ThawTimeText(SecondsMin(pending), SecondsMax(pending))));
}

Status Thaw::Await(std::vector<ArchivedPack> pending, const CallContext& context) {
  const size_t packs = pending.size();
  const uint64_t bytes = BytesOf(pending);
  const int64_t usual_seconds = SecondsMax(pending);
  const int64_t begun = clock_.MonotonicNanos();
  const Millis poll_most = std::clamp(Millis(usual_seconds * 1000 / 60), kPollLeast, kPollMost);
  Millis wait = kPollFirst;
  bool warned = false;
  for (;;) {
    MB_RETURN_IF_ERROR(Poll(&pending, context));
    int64_t elapsed = (clock_.MonotonicNanos() - begun) / 1'000'000'000;
    Show(pending, packs, bytes, elapsed);
    if (pending.empty()) return Extend(context);
    if (elapsed > usual_seconds && !warned) {
      warned = true;
      progress_.Warn(fmt::format("the thaw takes longer than the usual {}: {} of {} are missing",
                                 SpanText(usual_seconds), pending.size(), PacksText(packs)));
    }
    if (elapsed > std::max(kStallSecondsMin, kStallFactor * usual_seconds)) {
      return Status(Code::kTimeout,
                    fmt::format("after {} the thaw of {} has not come, such as '{}'",
                                SpanText(elapsed), PacksText(pending.size()), pending.front().name))
          .Retryable()
          .WithHint("the same command goes on waiting");
    }
    // Copies that came early must last until the late ones are there.
    MB_RETURN_IF_ERROR(Extend(context));
    if (!clock_.Sleep(wait, context.stop)) {
      return Status(Code::kCancelled, "stopped while waiting for the thaw")
          .WithHint("what was asked for is thawed all the same: the same command goes on");
    }
    wait = std::min(wait * 2, poll_most);
  }
}

Status Thaw::Poll(std::vector<ArchivedPack>* pending, const CallContext& context) {
  std::vector<ArchivedPack> left;
  size_t again = 0;
  size_t at = 0;
  while (at < pending->size()) {
    size_t count = std::min(kPollBatch, pending->size() - at);
    ArchivedPack* batch = pending->data() + at;
    auto look = [&](size_t i) {
      MB_RETURN_IF_ERROR(context.Check());
      MB_ASSIGN_OR_RETURN(store::ObjectStanding standing,
                          store_.control()->Standing(batch[i].name, context));
      batch[i].thawing = standing.thawing;
      // An object that was moved out of the archive needs no copy.
      batch[i].thawed_until_ms = standing.archived ? standing.thawed_until_ms : INT64_MAX;
      return Status::Ok();
    };
    MB_RETURN_IF_ERROR(ForEachInParallel(count, kThreads, look));
    at += count;
    size_t ready = 0;
    for (size_t i = 0; i < count; ++i) {
      if (batch[i].cold()) {
        // The copy had ended before this process looked at it, or the request was lost.
        if (!batch[i].thawing) {
          ++again;
          MB_RETURN_IF_ERROR(RequestOne(&batch[i], context));
        }
        left.push_back(batch[i]);
        continue;
      }
      ++ready;
      if (batch[i].thawed_until_ms != INT64_MAX) Keep(batch[i]);
    }
    if (ready == 0) break;
  }
  left.insert(left.end(), pending->begin() + static_cast<ptrdiff_t>(at), pending->end());
  *pending = std::move(left);
  if (again > 0) progress_.Note(fmt::format("asked again for the thaw of {}", PacksText(again)));
  return Status::Ok();
}

void Thaw::Show(const std::vector<ArchivedPack>& pending, size_t packs, uint64_t bytes,
                int64_t elapsed_seconds) {
  uint64_t missing = BytesOf(pending);
  int64_t least = std::max<int64_t>(SecondsMin(pending) - elapsed_seconds, 0);
  int64_t most = std::max<int64_t>(SecondsMax(pending) - elapsed_seconds, 0);
  std::string left = most == 0 ? "any moment now" : ThawTimeText(least, most) + " left";
  if (pending.empty()) left = "all there";
  progress_.Begin(fmt::format("thawing: {} of {}, {} of {}; {}", packs - pending.size(),
                              PacksText(packs), SizeText(bytes - missing), SizeText(bytes), left),
                  bytes, 0);
  progress_.Add(bytes - missing, 0);
}

Status Thaw::Extend(const CallContext& context) {
  if (!options_.tier) return Status::Ok();
  int64_t now = clock_.WallMillis();
  std::vector<ArchivedPack> ending;
  int days = 0;
  {
    std::lock_guard lock(mutex_);
    days = days_;
    for (const auto& [name, pack] : kept_) {
      if (pack.thawed_until_ms < now + kExtendMs) ending.push_back(pack);
    }
  }
  if (ending.empty()) return Status::Ok();
  auto lengthen = [&](size_t i) {
    MB_RETURN_IF_ERROR(context.Check());
    MB_RETURN_IF_ERROR(store_.control()->Thaw(ending[i].name, days, tier(), context));
    ending[i].thawed_until_ms = now + days * kDayMs;
    Keep(ending[i]);
    return Status::Ok();
  };
  MB_RETURN_IF_ERROR(ForEachInParallel(ending.size(), kThreads, lengthen));
  progress_.Note(fmt::format("the readable copies of {} now live until {}",
                             PacksText(ending.size()), FormatUserTime(now + days * kDayMs)));
  return Status::Ok();
}

ThawKeeper::ThawKeeper(Thaw& thaw, Clock& clock, Progress& progress)
    : thread_([&thaw, &clock, &progress](std::stop_token stop) {
        do {
          Status status = thaw.Extend(CallContext{Deadline::Never(), stop});
          if (!status.ok() && status.code() != Code::kCancelled)
            progress.Warn("readable copies could not be lengthened: " + status.ToString());
        } while (clock.Sleep(kKeepPeriod, stop));
      }) {}

}  // namespace maxbrod::engine
