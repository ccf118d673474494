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

INSTANTIATE_TEST_SUITE_P(S3, StoreContract, ::testing::ValuesIn(Cases()), NameOfStoreContractCase);

}  // namespace
}  // namespace maxbrod::store
