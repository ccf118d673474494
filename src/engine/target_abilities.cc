#include "engine/target_abilities.h"

#include <algorithm>

#include "kafka/transactions.h"

namespace maxbrod::engine {
namespace {

// A cluster of fewer brokers than __transaction_state wants replicas never has a coordinator.
constexpr Millis kCoordinatorLimit{15'000};
constexpr const char* kProbeId = "maxbrod-probe";

// Whether it is an answer about this cluster, rather than trouble reaching it.
bool IsRefusal(const Status& status) {
  return status.code() == Code::kPermission || status.code() == Code::kUnsupported;
}

}  // namespace

const char* MarkerMeansName(MarkerMeans means) {
  switch (means) {
    case MarkerMeans::kWriteTxnMarkers:
      return "WriteTxnMarkers";
    case MarkerMeans::kEndTxn:
      return "EndTxn";
    case MarkerMeans::kNone:
      break;
  }
  return "none";
}

Result<TargetAbilities> ProbeTarget(kafka::Cluster& target, const NeededAbilities& needed,
                                    MarkerMeans wanted, const CallContext& context) {
  TargetAbilities abilities;
  if (needed.log_starts) {
    Status asked = target.ProbeDeleteRecords(context);
    abilities.log_starts = asked.ok();
    if (!asked.ok() && !IsRefusal(asked)) return asked;
    abilities.why_no_log_starts = asked.message();
  }
  bool ask_coordinator = needed.transactions;
  if (needed.markers && wanted == MarkerMeans::kEndTxn) ask_coordinator = true;
  if (needed.markers && wanted != MarkerMeans::kEndTxn) {
    Status markers = target.ProbeWriteTxnMarkers(context);
    if (markers.ok()) {
      abilities.markers = MarkerMeans::kWriteTxnMarkers;
    } else if (IsRefusal(markers)) {
      abilities.why_not = markers.message();
      ask_coordinator = ask_coordinator || wanted == MarkerMeans::kNone;
    } else {
      return markers;
    }
  }
  if (!ask_coordinator) return abilities;
  auto coordinator = target.TransactionCoordinator(kProbeId, context.Within(kCoordinatorLimit));
  if (!coordinator.ok()) {
    MB_RETURN_IF_ERROR(context.Check());
    if (!abilities.why_not.empty()) abilities.why_not += "; ";
    abilities.why_not += coordinator.status().message();
    return abilities;
  }
  abilities.transactions = true;
  MB_ASSIGN_OR_RETURN(abilities.transaction_timeout, kafka::TransactionTimeoutMax(target, context));
  bool may_end = wanted != MarkerMeans::kWriteTxnMarkers;
  if (needed.markers && may_end && abilities.markers == MarkerMeans::kNone)
    abilities.markers = MarkerMeans::kEndTxn;
  return abilities;
}

}  // namespace maxbrod::engine
