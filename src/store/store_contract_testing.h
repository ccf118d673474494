// The test suite of the Store contract (store.h). An implementation earns all of it with a factory:
//
//   INSTANTIATE_TEST_SUITE_P(MyStore, StoreContract, ::testing::Values(StoreContractCase{
//       "my", [] { return StoreUnderTest{nullptr, std::make_shared<MyStore>()}; }}),
//       NameOfStoreContractCase);
//
// Only for test binaries.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace maxbrod::store {

struct StoreUnderTest {
  std::shared_ptr<void> world;  // what the store needs (a folder, a clock); outlives it
  std::shared_ptr<Store> store;
};

struct StoreContractCase {
  std::string name;                      // letters and digits
  std::function<StoreUnderTest()> make;  // a new, empty store
  // Whether an object "d" beside "d/e" is refused. An object store like S3 does not notice.
  bool refuses_folder_conflicts = true;
  // False for a store that retries after real faults: its Remove cannot tell "was never there" from
  // "an earlier try removed it".
  bool remove_tells_absence = true;
};

inline std::string NameOfStoreContractCase(
    const ::testing::TestParamInfo<StoreContractCase>& info) {
  return info.param.name;
}

// The verbs of the tests. Outcomes and errors are words ("created", "not_found"), so that a failure
// reads well.
class StoreContract : public ::testing::TestWithParam<StoreContractCase> {
 protected:
  StoreContract() : under_test_(GetParam().make()) {}

  Store& store() { return *under_test_.store; }
  const CallContext& context() const { return context_; }

  // "created", "exists_same", "exists_other", "unknown", or the name of an error code.
  std::string Put(const std::string& name, std::string_view bytes);
  std::string Stream(const std::string& name, const std::vector<std::string>& pieces);
  // The bytes, or the name of an error code in angle brackets.
  std::string Get(const std::string& name);
  std::string GetRange(const std::string& name, uint64_t offset, size_t size);
  // Names on one page, separated by spaces; " ..." at the end when it is truncated.
  std::string List(const std::string& prefix, const std::string& start_after = "",
                   size_t limit = 1000);
  // The name of a status's code ("ok").
  static std::string Word(const Status& status);
  static std::string Word(const Result<PutResult>& put);

  CallContext context_;

 private:
  StoreUnderTest under_test_;
};

// Bytes that differ at every position for every seed; the same for the same seed and size.
std::string PatternBytes(uint64_t seed, size_t size);

}  // namespace maxbrod::store
