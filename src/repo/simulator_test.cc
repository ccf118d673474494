// The commit protocol under a seeded simulator (simulator_testing.h): thousands of schedules of the
// real code, and proof that breaking the protocol is noticed.
//
// MAXBROD_SEED=<n> replays one schedule and prints its history; MAXBROD_SCHEDULES=<n> runs more.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "repo/simulator_testing.h"

namespace maxbrod::repo {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no threads yet
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

// Every seed has its own mix of processes and faults.
SimOptions OptionsOf(uint64_t seed) {
  SimOptions options;
  options.seed = seed;
  options.writers = 1 + static_cast<int>(seed % 3);
  options.snapshotters = 1 + static_cast<int>(seed / 3 % 2);
  options.pruners = 1 + static_cast<int>(seed / 6 % 2);
  if (seed % 5 == 0) {  // calm seas: only races
    options.lost_reply = options.late_request = options.error = options.death = 0;
    options.stall = options.long_stall = 0;
  } else if (seed % 5 == 1) {  // sleepers
    options.long_stall = 0.03;
  } else if (seed % 5 == 2) {  // a bad network
    options.lost_reply = options.late_request = 0.1;
    options.error = 0.05;
  }
  return options;
}

std::vector<std::string> RunSchedule(const SimOptions& options, std::string* history = nullptr) {
  SeededRandomBytes bytes(options.seed);
  SimWorld world(options);
  std::vector<std::string> violations = world.Run();
  if (history != nullptr) *history = world.History();
  return violations;
}

TEST(SimulatorTest, NothingIsLostInAnySchedule) {
  constexpr uint64_t kSchedules = 1500;
  uint64_t one = FromEnvironment("MAXBROD_SEED", 0);
  uint64_t first = one != 0 ? one : 1;
  uint64_t last = one != 0 ? one : FromEnvironment("MAXBROD_SCHEDULES", kSchedules);
  int failed = 0;
  for (uint64_t seed = first; seed <= last && failed < 5; ++seed) {
    std::string history;
    for (const std::string& violation : RunSchedule(OptionsOf(seed), &history)) {
      ADD_FAILURE() << "MAXBROD_SEED=" << seed << ": " << violation;
      ++failed;
    }
    if (one != 0) std::cout << history;
  }
}

TEST(SimulatorTest, ASeedGivesTheSameScheduleAgain) {
  for (uint64_t seed : {2u, 3u, 11u}) {
    std::string first;
    std::string second;
    RunSchedule(OptionsOf(seed), &first);
    RunSchedule(OptionsOf(seed), &second);
    EXPECT_EQ(first, second) << "seed " << seed;
    EXPECT_NE(first, "");
  }
}

// Runs schedules until one notices that something is broken.
class MutationTest : public ::testing::Test {
 protected:
  template <typename Break>
  void ExpectNoticed(Break break_it) {
    constexpr uint64_t kSchedulesMax = 3000;
    for (uint64_t seed = 1; seed <= kSchedulesMax; ++seed) {
      SimOptions options = OptionsOf(seed);
      break_it(&options);
      std::vector<std::string> violations = RunSchedule(options);
      if (violations.empty()) continue;
      std::cout << "noticed by seed " << seed << ": " << violations.front() << "\n";
      return;
    }
    FAIL() << "not noticed in " << kSchedulesMax << " schedules";
  }
};

TEST_F(MutationTest, AStoreThatOverwritesCommits) {
  ExpectNoticed([](SimOptions* options) { options->store_overwrites_log = true; });
}

TEST_F(MutationTest, AnotherCommitAfterALostReply) {
  ExpectNoticed([](SimOptions* options) {
    options->faults.fresh_bytes_after_unknown = true;
    options->lost_reply = 0.1;
  });
}

TEST_F(MutationTest, SleepersThatTrustTheirOldHead) {
  ExpectNoticed([](SimOptions* options) {
    options->faults.trust_old_head = true;
    options->long_stall = 0.03;
  });
}

TEST_F(MutationTest, ALogTrimmedAtOnce) {
  ExpectNoticed([](SimOptions* options) { options->gc.checkpoint_age_ms = 0; });
}

TEST_F(MutationTest, PacksNotLookedUpBeforeTheirCommit) {
  ExpectNoticed([](SimOptions* options) {
    options->faults.skip_lookup = true;
    options->long_stall = 0.03;
  });
}

TEST_F(MutationTest, BlindRenumbering) {
  ExpectNoticed([](SimOptions* options) {
    options->faults.skip_conflicts = true;
    options->faults.skip_state_check = true;
    options->long_stall = 0.03;
  });
}

TEST_F(MutationTest, CondemningWhatIsReachable) {
  ExpectNoticed([](SimOptions* options) { options->condemn_blindly = true; });
}

}  // namespace
}  // namespace maxbrod::repo
