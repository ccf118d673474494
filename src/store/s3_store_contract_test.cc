// The contract suite over S3Store, against the S3 that MAXBROD_TEST_S3 names (a repository URL of
// an existing bucket). tests/test_s3_store.py starts servers and sets it; without it there are no
// such tests.
#include <array>
#include <cstdlib>
#include <memory>

#include "codec/hash.h"
#include "store/metrics_store.h"
#include "store/retry_store.h"
#include "store/s3_store.h"
#include "store/s3_store_url.h"
#include "store/store_contract_testing.h"

namespace maxbrod::store {
namespace {

// A folder of the bucket that nobody else uses.
std::shared_ptr<Store> FreshStore(uint64_t part_bytes) {
  auto location = ParseS3Url(std::getenv("MAXBROD_TEST_S3"));
  MB_CHECK(location.ok());
  std::array<uint8_t, 8> random;
  MB_CHECK(RandomBytes(random).ok());
  location->store.prefix += (location->store.prefix.empty() ? "" : "/") + ToHex(random);
  location->store.part_bytes = part_bytes;
  auto store = MakeS3Store(*location);
  MB_CHECK(store.ok());
  return std::move(store).value();
}

StoreContractCase Case(const std::string& name, std::function<std::shared_ptr<Store>()> make) {
  return {name, [make] { return StoreUnderTest{nullptr, make()}; },
          /*refuses_folder_conflicts=*/false, /*remove_tells_absence=*/false};
}

std::vector<StoreContractCase> Cases() {
  if (std::getenv("MAXBROD_TEST_S3") == nullptr) return {};
  return {Case("one_put", [] { return FreshStore(64 * kMiB); }),
          Case("in_parts", [] { return FreshStore(S3Store::kPartBytesMin); }), Case("retried", [] {
            auto retried = std::make_shared<RetryStore>(FreshStore(64 * kMiB));
            return std::make_shared<MetricsStore>(retried);
          })};
}

// What only a server that checks signatures can show (versitygw does, moto does not).
class S3Live : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<S3Store> Open(Clock& clock) {
    auto location = ParseS3Url(GetParam());
    MB_CHECK(location.ok());
    needs_ = aws::SystemNeeds();
    needs_.clock = &clock;
    S3World world;
    world.needs = &needs_;
    auto store = MakeS3Store(*location, world);
    MB_CHECK(store.ok());
    return std::move(store).value();
  }
  aws::SourceNeeds needs_;
  CallContext context_;
};

TEST_P(S3Live, AClockThatIsAnHourOffIsPutRight) {
  for (int64_t off_ms : {3'600'000, -3'600'000}) {
    FakeClock clock(Clock::System().WallMillis() + off_ms);
    auto store = Open(clock);
    const std::string name = "skew/" + std::to_string(clock.WallMillis());
    auto put = store->PutIfAbsent(name, AsBytes("x"), context_);
    ASSERT_TRUE(put.ok()) << put.status().message();
    EXPECT_EQ(put->outcome, PutOutcome::kCreated);
    EXPECT_NEAR(static_cast<double>(put->store_time_ms),
                static_cast<double>(Clock::System().WallMillis()), 60'000);
    EXPECT_EQ(ToString(*store->Get(name, 10, context_)), "x");
    EXPECT_TRUE(store->Stat(name, context_).ok());
  }
}

TEST_P(S3Live, StaleUploadsAreFoundAndAborted) {
  auto store = Open(Clock::System());
  auto location = ParseS3Url(GetParam());
  location->store.part_bytes = S3Store::kPartBytesMin;
  auto writing = MakeS3Store(*location);
  ASSERT_TRUE(writing.ok());
  auto writer = (*writing)->Create("stale/x", context_);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Append(AsBytes(PatternBytes(1, 6 * kMiB))).ok());
  EXPECT_EQ(*store->AbortStaleUploads(Millis(3'600'000), context_), 0u);
  EXPECT_EQ(*store->AbortStaleUploads(Millis(-60'000), context_), 1u);
  EXPECT_EQ(*store->AbortStaleUploads(Millis(-60'000), context_), 0u);
}

std::vector<std::string> Urls() {
  const char* url = std::getenv("MAXBROD_TEST_S3");
  return url == nullptr ? std::vector<std::string>() : std::vector<std::string>{url};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(S3Live);
INSTANTIATE_TEST_SUITE_P(S3, S3Live, ::testing::ValuesIn(Urls()));
INSTANTIATE_TEST_SUITE_P(S3, StoreContract, ::testing::ValuesIn(Cases()), NameOfStoreContractCase);

}  // namespace
}  // namespace maxbrod::store
