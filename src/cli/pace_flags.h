// --rate-limit, --request-rate, --gentle, and for verbs that read a cluster --rack and
// --remote-reads: how a verb keeps from disturbing the cluster; and how its report shows it.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/status.h"
#include "engine/fetch_pool.h"
#include "engine/pace.h"

namespace maxbrod::cli {

struct PaceFlags {
  std::string rate_limit, request_rate, rack;
  bool gentle = false;
  size_t remote_reads = engine::PaceOptions().remote_reads;

  void Add(CLI::App* verb);
  // For verbs that fetch.
  void AddReading(CLI::App* verb);
  bool given() const {
    return !rate_limit.empty() || !request_rate.empty() || !rack.empty() || gentle;
  }
  // kInvalidArgument names the flag and what may be given.
  Result<engine::PaceOptions> Options() const;
};

// Adds throttled_seconds, and with --gentle gentle_reductions and gentle_share.
void AddPaceJson(const engine::PaceReport& report, nlohmann::json* out);
// Adds fetch_requests, partitions_in_requests, remote_requests and bytes_by_broker.
void AddFetchJson(const engine::FetchTotals& totals, nlohmann::json* out);

}  // namespace maxbrod::cli
