#include "engine/merge_policy.h"

namespace maxbrod::engine {
namespace {

struct Kind {
  const char* name;
  MergePolicy MergePolicies::* policy;
};
constexpr Kind kKinds[] = {
    {"topics", &MergePolicies::topics},   {"groups", &MergePolicies::groups},
    {"acls", &MergePolicies::acls},       {"quotas", &MergePolicies::quotas},
    {"users", &MergePolicies::users},     {"configs", &MergePolicies::configs},
    {"schemas", &MergePolicies::schemas},
};
constexpr MergePolicy kAll[] = {MergePolicy::kFail, MergePolicy::kSkip, MergePolicy::kOverwrite};

}  // namespace

const char* MergePolicyName(MergePolicy policy) {
  switch (policy) {
    case MergePolicy::kFail:
      return "fail";
    case MergePolicy::kSkip:
      return "skip";
    case MergePolicy::kOverwrite:
      return "overwrite";
  }
  return "?";
}

Status MergePolicies::Parse(const std::string& text) {
  const size_t equals = text.find('=');
  const std::string kind = equals == std::string::npos ? "" : text.substr(0, equals);
  const std::string name = equals == std::string::npos ? text : text.substr(equals + 1);
  for (MergePolicy policy : kAll) {
    if (name != MergePolicyName(policy)) continue;
    bool found = false;
    for (const Kind& known : kKinds) {
      if (equals != std::string::npos && kind != known.name) continue;
      this->*known.policy = policy;
      found = true;
    }
    if (found) return Status::Ok();
  }
  return Status(Code::kInvalidArgument, "not a policy for what exists already: '" + text + "'")
      .WithHint(
          "skip, overwrite or fail; for one kind KIND=POLICY with topics, groups, acls, quotas, "
          "users, configs or schemas");
}

std::string MergePolicies::Text() const {
  std::string text;
  for (const Kind& kind : kKinds) {
    text += std::string(text.empty() ? "" : " ") + kind.name + "=" +
            MergePolicyName(this->*kind.policy);
  }
  return text;
}

}  // namespace maxbrod::engine
