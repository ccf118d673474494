// What a restore does with something that the target has already, of one kind.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace maxbrod::engine {

enum class MergePolicy : uint8_t {
  kFail,       // refused, nothing is touched
  kSkip,       // the target's stays as it is
  kOverwrite,  // becomes as in the snapshot
};
const char* MergePolicyName(MergePolicy policy);  // "fail", "skip", "overwrite"

// One policy per kind of thing. What is equal on both sides never counts as met.
struct MergePolicies {
  MergePolicy topics = MergePolicy::kFail;  // their configs and data
  MergePolicy groups = MergePolicy::kOverwrite;
  MergePolicy acls = MergePolicy::kSkip;  // ACLs of one resource pattern
  MergePolicy quotas = MergePolicy::kSkip;
  MergePolicy users = MergePolicy::kSkip;
  MergePolicy configs = MergePolicy::kSkip;  // of groups, client metrics, and of the cluster
  MergePolicy schemas = MergePolicy::kFail;

  // "skip", or KIND=POLICY, e.g. "acls=overwrite". kInvalidArgument with a hint.
  Status Parse(const std::string& text);
  std::string Text() const;  // all of it, for the restore's record
};

}  // namespace maxbrod::engine
