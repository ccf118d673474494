// Which stores and decorators the contract suite runs over.
#include <memory>

#include "os/faulty_file_system.h"
#include "store/fault_store.h"
#include "store/file_store.h"
#include "store/mem_store.h"
#include "store/metrics_store.h"
#include "store/retry_store.h"
#include "store/store_contract_testing.h"
#include "store/temp_folder_testing.h"
#include "store/throttle_store.h"

namespace maxbrod::store {
namespace {

std::shared_ptr<Store> Memory() {
  return std::make_shared<MemStore>();
}

StoreUnderTest MakeFileStore() {
  auto folder = std::make_shared<TempFolder>();
  auto store = FileStore::Open(folder->path());
  MB_CHECK(store.ok());
  return {folder, std::move(store).value()};
}

// A disk in memory; what it does in a crash is tested in file_store_crash_test.cc.
struct DiskInMemory {
  FakeClock clock;
  FaultyFileSystem files{clock};
};

StoreUnderTest MakeFileStoreInMemory() {
  auto disk = std::make_shared<DiskInMemory>();
  FileStoreOptions options;
  options.files = &disk->files;
  options.clock = &disk->clock;
  options.create_root = true;
  auto store = FileStore::Open("/store", options);
  MB_CHECK(store.ok());
  return {disk, std::move(store).value()};
}

RetryPolicy QuickRetries() {
  RetryPolicy policy;
  policy.backoff_first = Millis(1);
  policy.backoff_max = Millis(2);
  policy.seed = 1;
  return policy;
}

// One call in five fails without effect, and is tried again.
StoreUnderTest MakeRetriedFaults() {
  auto faults = std::make_shared<FaultStore>(Memory());
  RandomFaults random;
  random.seed = 4711;
  random.error_instead = 0.2;
  faults->SetRandom(random);
  return {nullptr, std::make_shared<RetryStore>(faults, QuickRetries())};
}

std::shared_ptr<Store> Throttled(std::shared_ptr<Store> inner) {
  ThrottleOptions options;
  options.upload_bytes_per_second = 400'000'000;
  options.download_bytes_per_second = 400'000'000;
  return std::make_shared<ThrottleStore>(std::move(inner), options);
}

// As a program stacks them (README.md).
StoreUnderTest MakeWholeStack() {
  StoreUnderTest file = MakeFileStore();
  auto retried = std::make_shared<RetryStore>(Throttled(file.store), QuickRetries());
  return {file.world, std::make_shared<MetricsStore>(retried)};
}

INSTANTIATE_TEST_SUITE_P(
    Stores, StoreContract,
    ::testing::Values(
        StoreContractCase{"mem", [] { return StoreUnderTest{nullptr, Memory()}; }},
        StoreContractCase{"file", MakeFileStore},
        StoreContractCase{"file_in_memory", MakeFileStoreInMemory},
        StoreContractCase{"retry",
                          [] {
                            return StoreUnderTest{
                                nullptr, std::make_shared<RetryStore>(Memory(), QuickRetries())};
                          }},
        StoreContractCase{"retried_faults", MakeRetriedFaults, /*refuses_folder_conflicts=*/true,
                          /*remove_tells_absence=*/false},
        StoreContractCase{
            "fault",
            [] { return StoreUnderTest{nullptr, std::make_shared<FaultStore>(Memory())}; }},
        StoreContractCase{
            "metrics",
            [] { return StoreUnderTest{nullptr, std::make_shared<MetricsStore>(Memory())}; }},
        StoreContractCase{"throttle", [] { return StoreUnderTest{nullptr, Throttled(Memory())}; }},
        StoreContractCase{"whole_stack", MakeWholeStack}),
    NameOfStoreContractCase);

}  // namespace
}  // namespace maxbrod::store
