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
  options.mergers = static_cast<int>(seed / 2 % 2);
  options.rewriters = seed % 4 == 3 ? 2 : static_cast<int>(seed % 2);
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

std::vector<std::string> RunSchedule(const SimOptions& options, std::string* history = nullptr,
                                     SimCounts* counts = nullptr) {
  SeededRandomBytes bytes(options.seed);
  SimWorld world(options);
  std::vector<std::string> violations = world.Run();
  if (history != nullptr) *history = world.History();
  if (counts != nullptr) counts->Add(world.counts());
  return violations;
}

TEST(SimulatorTest, NothingIsLostInAnySchedule) {
  constexpr uint64_t kSchedules = 1000;
  uint64_t one = FromEnvironment("MAXBROD_SEED", 0);
  uint64_t first = one != 0 ? one : 1;
  uint64_t last = one != 0 ? one : FromEnvironment("MAXBROD_SCHEDULES", kSchedules);
  int failed = 0;
  SimCounts counts;
  for (uint64_t seed = first; seed <= last && failed < 5; ++seed) {
    std::string history;
    for (const std::string& violation :
         RunSchedule(OptionsOf(seed), one != 0 ? &history : nullptr, &counts)) {
      ADD_FAILURE() << "MAXBROD_SEED=" << seed << ": " << violation;
      ++failed;
    }
    if (one != 0) std::cout << history;
  }
  std::cout << counts.commits << " commits, " << counts.lost_replies << " lost replies, "
            << counts.late_requests << " late requests, " << counts.long_stalls << " long stalls, "
            << counts.deaths << " deaths, " << counts.trimmed << " commits trimmed, "
            << counts.strays << " strays, " << counts.swept << " objects swept, "
            << counts.snapshots_read << " snapshots read, " << counts.rewrites << " rewrites\n";
  if (one != 0) return;
  for (uint64_t count :
       {counts.lost_replies, counts.late_requests, counts.long_stalls, counts.deaths,
        counts.trimmed, counts.strays, counts.swept, counts.snapshots_read, counts.rewrites}) {
    EXPECT_GT(count, 0u) << "some fault never struck";
  }
}

TEST(SimulatorTest, NothingIsLostInAnEncryptedRepository) {
  constexpr uint64_t kFirst = 5000;
  constexpr uint64_t kSchedules = 150;
  int failed = 0;
  for (uint64_t seed = kFirst; seed < kFirst + kSchedules && failed < 5; ++seed) {
    SimOptions options = OptionsOf(seed);
    options.encrypted = true;
    for (const std::string& violation : RunSchedule(options)) {
      ADD_FAILURE() << "encrypted, seed " << seed << ": " << violation;
      ++failed;
    }
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
  // `what` must be part of a violation: that it is noticed for the right reason.
  template <typename Break>
  void ExpectNoticed(const std::string& what, Break break_it) {
    constexpr uint64_t kSchedulesMax = 3000;
    for (uint64_t seed = 1; seed <= kSchedulesMax; ++seed) {
      SimOptions options = OptionsOf(seed);
      break_it(&options);
      for (const std::string& violation : RunSchedule(options)) {
        if (violation.find(what) == std::string::npos) continue;
        std::cout << "noticed by seed " << seed << ": " << violation << "\n";
        return;
      }
    }
    FAIL() << "not noticed in " << kSchedulesMax << " schedules";
  }
};

TEST_F(MutationTest, AStoreThatOverwritesCommits) {
  ExpectNoticed("acknowledged commit",
                [](SimOptions* options) { options->store_overwrites_log = true; });
}

TEST_F(MutationTest, AnotherCommitAfterALostReply) {
  ExpectNoticed("committed twice", [](SimOptions* options) {
    options->faults.fresh_bytes_after_unknown = true;
    options->lost_reply = 0.1;
  });
}

TEST_F(MutationTest, SleepersThatTrustTheirOldHead) {
  ExpectNoticed("acknowledged commit", [](SimOptions* options) {
    options->faults.trust_old_head = true;
    options->long_stall = 0.03;
  });
}

TEST_F(MutationTest, ALogTrimmedAtOnce) {
  ExpectNoticed("acknowledged commit",
                [](SimOptions* options) { options->gc.checkpoint_age_ms = 0; });
}

TEST_F(MutationTest, PacksNotLookedUpBeforeTheirCommit) {
  ExpectNoticed("is needed and gone", [](SimOptions* options) {
    options->faults.skip_lookup = true;
    options->long_stall = 0.03;
  });
}

TEST_F(MutationTest, BlindRenumbering) {
  ExpectNoticed("is needed and", [](SimOptions* options) {
    options->faults.skip_conflicts = true;
    options->faults.skip_state_check = true;
    options->long_stall = 0.03;
  });
}

TEST_F(MutationTest, AMergeThatDoesNotNameItsPack) {
  ExpectNoticed("is needed and", [](SimOptions* options) {
    options->merge_names_nothing = true;
    options->long_stall = 0.03;
    options->mergers = 2;
  });
}

TEST_F(MutationTest, ARewriteThatDoesNotNameWhatItReliesOn) {
  ExpectNoticed("is needed and", [](SimOptions* options) {
    options->rewrite_names_nothing = true;
    options->long_stall = 0.03;
    options->rewriters = 2;
  });
}

TEST_F(MutationTest, CondemningWhatIsReachable) {
  ExpectNoticed("cannot be read", [](SimOptions* options) { options->condemn_blindly = true; });
}

}  // namespace
}  // namespace maxbrod::repo
