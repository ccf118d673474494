// Kafka's error codes (org.apache.kafka.common.protocol.Errors as of 4.3): one table, and how a
// code becomes a Status.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace maxbrod::kafka {

// What to ask again before a retry can help.
enum class Refresh : uint8_t {
  kNothing,
  kMetadata,     // the leader or the topic id is not what we believe
  kCoordinator,  // FindCoordinator
  kController,   // the controller moved
};

struct KafkaError {
  int16_t code;
  std::string_view name;  // as Kafka spells it
  bool retriable;         // the same request may succeed later
  Refresh refresh;
  Code status;               // our class of it
  std::string_view meaning;  // for people
};

// Codes that callers compare with.
namespace error {
inline constexpr int16_t kNone = 0;
inline constexpr int16_t kUnknownServerError = -1;
inline constexpr int16_t kOffsetOutOfRange = 1;
inline constexpr int16_t kCorruptMessage = 2;
inline constexpr int16_t kUnknownTopicOrPartition = 3;
inline constexpr int16_t kLeaderNotAvailable = 5;
inline constexpr int16_t kNotLeaderOrFollower = 6;
inline constexpr int16_t kRequestTimedOut = 7;
inline constexpr int16_t kMessageTooLarge = 10;
inline constexpr int16_t kCoordinatorLoadInProgress = 14;
inline constexpr int16_t kCoordinatorNotAvailable = 15;
inline constexpr int16_t kNotCoordinator = 16;
inline constexpr int16_t kNotEnoughReplicas = 19;
inline constexpr int16_t kNotEnoughReplicasAfterAppend = 20;
inline constexpr int16_t kTopicAuthorizationFailed = 29;
inline constexpr int16_t kGroupAuthorizationFailed = 30;
inline constexpr int16_t kClusterAuthorizationFailed = 31;
inline constexpr int16_t kUnsupportedVersion = 35;
inline constexpr int16_t kTopicAlreadyExists = 36;
inline constexpr int16_t kInvalidConfig = 40;
inline constexpr int16_t kNotController = 41;
inline constexpr int16_t kPolicyViolation = 44;
inline constexpr int16_t kOutOfOrderSequenceNumber = 45;
inline constexpr int16_t kDuplicateSequenceNumber = 46;
inline constexpr int16_t kInvalidProducerEpoch = 47;
inline constexpr int16_t kInvalidTxnState = 48;
inline constexpr int16_t kInvalidProducerIdMapping = 49;
inline constexpr int16_t kInvalidTransactionTimeout = 50;
inline constexpr int16_t kConcurrentTransactions = 51;
inline constexpr int16_t kTransactionalIdAuthorizationFailed = 53;
inline constexpr int16_t kOperationNotAttempted = 55;
inline constexpr int16_t kKafkaStorageError = 56;
inline constexpr int16_t kUnknownProducerId = 59;
inline constexpr int16_t kNonEmptyGroup = 68;
inline constexpr int16_t kGroupIdNotFound = 69;
inline constexpr int16_t kFencedLeaderEpoch = 74;
inline constexpr int16_t kUnknownLeaderEpoch = 75;
inline constexpr int16_t kOffsetNotAvailable = 78;
inline constexpr int16_t kInvalidRecord = 87;
inline constexpr int16_t kThrottlingQuotaExceeded = 89;
inline constexpr int16_t kProducerFenced = 90;
inline constexpr int16_t kUnknownTopicId = 100;
inline constexpr int16_t kInconsistentTopicId = 103;
inline constexpr int16_t kTransactionalIdNotFound = 105;
inline constexpr int16_t kOffsetMovedToTieredStorage = 109;
}  // namespace error

// All known codes, ascending.
std::span<const KafkaError> AllErrors();
// nullptr for a code we do not know (a newer broker's).
const KafkaError* FindError(int16_t code);
// "NOT_CONTROLLER", or "UNKNOWN_CODE_<n>".
std::string ErrorName(int16_t code);
// False for codes we do not know.
bool IsRetriable(int16_t code);
Refresh RefreshFor(int16_t code);

// OK for code 0. Otherwise "context: NAME (meaning)", with the broker's own message if it sent one,
// the code in kafka_error(), and retryable() as the table says. Unknown codes are kBroker.
Status ErrorStatus(int16_t code, std::string_view context, std::string_view broker_message = {});

}  // namespace maxbrod::kafka
