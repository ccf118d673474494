// What a target cluster lets a restore do, asked before anything is touched.
#pragma once

#include <string>

#include "base/clock.h"
#include "kafka/cluster.h"

namespace maxbrod::engine {

// How offsets without a record come about.
enum class MarkerMeans : uint8_t {
  kNone,             // not at all
  kWriteTxnMarkers,  // API 27, open to clients with Alter on the cluster (KIP-1037)
  kEndTxn,           // by ending transactions in which nothing was written
};

struct TargetAbilities {
  MarkerMeans markers = MarkerMeans::kNone;
  bool transactions = false;
  bool log_starts = false;  // DeleteRecords
  std::string why_not;      // markers or transactions: what refused them
  std::string why_no_log_starts;
  Millis transaction_timeout{0};
};

struct NeededAbilities {
  bool markers = false;
  bool transactions = false;
  bool log_starts = false;
};

// `wanted` other than kNone: only that way of making markers is tried. Asks for what is needed
// only: finding a transaction coordinator creates the cluster's
// __transaction_state topic where it does not exist. A refusal is an answer, not an error.
Result<TargetAbilities> ProbeTarget(kafka::Cluster& target, const NeededAbilities& needed,
                                    MarkerMeans wanted, const CallContext& context);

// "WriteTxnMarkers", "EndTxn", "none".
const char* MarkerMeansName(MarkerMeans means);

}  // namespace maxbrod::engine
