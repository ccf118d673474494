#include "kafka/errors.h"

#include <gtest/gtest.h>

#include <set>

namespace maxbrod::kafka {
namespace {

TEST(ErrorsTest, TheTableIsAscendingAndComplete) {
  int16_t expected = -1;
  std::set<std::string_view> names;
  for (const KafkaError& error : AllErrors()) {
    EXPECT_EQ(expected++, error.code);
    EXPECT_FALSE(error.meaning.empty()) << error.name;
    EXPECT_TRUE(names.insert(error.name).second) << error.name;
    EXPECT_EQ(&error, FindError(error.code));
    EXPECT_EQ(error.code == 0, error.status == Code::kOk);
    if (error.refresh != Refresh::kNothing && error.code != 129) {
      EXPECT_TRUE(error.retriable) << error.name;
    }
  }
}

TEST(ErrorsTest, NamesAndFlags) {
  EXPECT_EQ("NOT_LEADER_OR_FOLLOWER", ErrorName(error::kNotLeaderOrFollower));
  EXPECT_EQ("UNKNOWN_CODE_999", ErrorName(999));
  EXPECT_EQ("UNKNOWN_CODE_-7", ErrorName(-7));
  EXPECT_TRUE(IsRetriable(error::kLeaderNotAvailable));
  EXPECT_FALSE(IsRetriable(error::kOffsetOutOfRange));
  EXPECT_FALSE(IsRetriable(999));
  EXPECT_EQ(Refresh::kMetadata, RefreshFor(error::kUnknownTopicId));
  EXPECT_EQ(Refresh::kCoordinator, RefreshFor(error::kNotCoordinator));
  EXPECT_EQ(Refresh::kController, RefreshFor(error::kNotController));
  EXPECT_EQ(Refresh::kNothing, RefreshFor(999));
}

TEST(ErrorsTest, StatusSaysWhatHappenedToWhichObject) {
  EXPECT_TRUE(ErrorStatus(0, "fetch").ok());
  Status denied = ErrorStatus(error::kTopicAuthorizationFailed, "fetch of topic t");
  EXPECT_EQ(Code::kPermission, denied.code());
  EXPECT_EQ(29, denied.kafka_error());
  EXPECT_FALSE(denied.retryable());
  EXPECT_FALSE(denied.hint().empty());
  EXPECT_EQ("fetch of topic t: TOPIC_AUTHORIZATION_FAILED (not authorized for this topic)",
            denied.message());
  EXPECT_EQ(Code::kAuthentication, ErrorStatus(58, "login").code());
  Status moved = ErrorStatus(error::kNotLeaderOrFollower, "produce");
  EXPECT_EQ(Code::kUnavailable, moved.code());
  EXPECT_TRUE(moved.retryable());
  Status strange = ErrorStatus(1234, "x", "because");
  EXPECT_EQ(Code::kBroker, strange.code());
  EXPECT_EQ("x: UNKNOWN_CODE_1234; the broker says: because", strange.message());
}

}  // namespace
}  // namespace maxbrod::kafka
