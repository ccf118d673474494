#include "cli/pace_flags.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "cli/common.h"

namespace maxbrod::cli {
namespace {

// Below, one batch (message.max.bytes, 1 MiB by default) would take so long that brokers and
// transactions time out.
constexpr uint64_t kRateLimitMin = 64 * kKiB;
constexpr uint64_t kRequestRateMax = 1'000'000;

Result<uint64_t> ParseRateLimit(const std::string& text) {
  std::string size = text;
  if (size.ends_with("/s")) size.resize(size.size() - 2);
  auto bytes = ParseBytes(size);
  if (!bytes.ok()) {
    return Status(Code::kInvalidArgument, "--rate-limit: '" + text + "' is not a rate")
        .WithHint("write bytes per second, e.g. 50MiB or 800k");
  }
  if (*bytes < kRateLimitMin) {
    return Status(Code::kInvalidArgument,
                  "--rate-limit: " + text + " is too little, the least is 64KiB a second")
        .WithHint("leave it out for no limit");
  }
  return *bytes;
}

Result<uint64_t> ParseRequestRate(const std::string& text) {
  std::string number = text;
  if (number.ends_with("/s")) number.resize(number.size() - 2);
  uint64_t rate = 0;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), rate);
  bool whole = error == std::errc() && end == number.data() + number.size();
  if (whole && rate >= 1 && rate <= kRequestRateMax) return rate;
  return Status(Code::kInvalidArgument, "--request-rate: '" + text +
                                            "' is not a number of requests per second, 1 to " +
                                            std::to_string(kRequestRateMax))
      .WithHint("write e.g. 200; leave it out for no limit");
}

}  // namespace

void PaceFlags::Add(CLI::App* verb) {
  verb->add_option("--rate-limit", rate_limit,
                   "Bytes of records per second, to or from all brokers together, e.g. 50MiB");
  verb->add_option("--request-rate", request_rate,
                   "Requests per second to all brokers together, e.g. 200");
  verb->add_flag("--gentle", gentle, "Give way when the brokers' latency rises");
}

void PaceFlags::AddReading(CLI::App* verb) {
  Add(verb);
  verb->add_option("--rack", rack,
                   "Read from replicas of this rack where the brokers allow it (default: "
                   "client.rack of --command-config)");
  verb->add_option("--remote-reads", remote_reads,
                   "Partitions of one broker read from its tiered storage at once (default 2)")
      ->check(CLI::Range(1, 64));
}

Result<engine::PaceOptions> PaceFlags::Options() const {
  engine::PaceOptions options;
  if (!rate_limit.empty()) {
    MB_ASSIGN_OR_RETURN(options.bytes_per_second, ParseRateLimit(rate_limit));
  }
  if (!request_rate.empty()) {
    MB_ASSIGN_OR_RETURN(options.requests_per_second, ParseRequestRate(request_rate));
  }
  options.gentle = gentle;
  options.rack = rack;
  options.remote_reads = remote_reads;
  return options;
}

void AddPaceJson(const engine::PaceReport& report, nlohmann::json* out) {
  nlohmann::json& fields = *out;
  fields["throttled_seconds"] = report.throttled_seconds;
  if (!report.gentle) return;
  fields["gentle_reductions"] = report.times_reduced;
  fields["gentle_share"] = report.mean_share;
}

void AddFetchJson(const engine::FetchTotals& totals, nlohmann::json* out) {
  nlohmann::json& fields = *out;
  fields["fetch_requests"] = totals.requests;
  fields["partitions_in_requests"] = totals.partitions_in_requests;
  fields["remote_requests"] = totals.remote_requests;
  nlohmann::json brokers = nlohmann::json::object();
  for (const auto& [broker, bytes] : totals.bytes_by_broker)
    brokers[std::to_string(broker)] = bytes;
  fields["bytes_by_broker"] = std::move(brokers);
}

}  // namespace maxbrod::cli
