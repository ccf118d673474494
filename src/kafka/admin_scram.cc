// DescribeUserScramCredentials, AlterUserScramCredentials.
#include <algorithm>
#include <array>

#include "codec/hash.h"
#include "kafka/admin_calls.h"
#include "kafka/messages/alter_user_scram_credentials.h"
#include "kafka/messages/describe_user_scram_credentials.h"
#include "kafka/sasl.h"

namespace maxbrod::kafka {
namespace {

constexpr int16_t kResourceNotFound = 91;
constexpr size_t kSaltBytes = 32;

// Credentials as the broker takes them: the password does not leave this process.
Result<AlterUserScramCredentialsRequest::Upsertion> Salted(const ScramUpsertion& upsertion) {
  AlterUserScramCredentialsRequest::Upsertion out;
  out.name = upsertion.user;
  out.mechanism = upsertion.credential.mechanism;
  out.iterations =
      std::max(upsertion.credential.iterations, static_cast<int32_t>(kScramIterationsMin));
  std::array<uint8_t, kSaltBytes> salt;
  MB_RETURN_IF_ERROR(RandomBytes(salt));
  out.salt.assign(salt.begin(), salt.end());
  SaslMechanism mechanism = out.mechanism == 1   ? SaslMechanism::kScramSha256
                            : out.mechanism == 2 ? SaslMechanism::kScramSha512
                                                 : SaslMechanism::kPlain;
  MB_ASSIGN_OR_RETURN(out.salted_password,
                      ScramSaltedPassword(mechanism, upsertion.password, out.salt,
                                          static_cast<uint32_t>(out.iterations)));
  return out;
}

}  // namespace

Result<std::map<std::string, std::vector<ScramCredential>>> Admin::DescribeScramUsers(
    const CallContext& context) {
  DescribeUserScramCredentialsRequest request;
  MB_ASSIGN_OR_RETURN(auto response, CallForWhole(cluster_.impl_.get(), request, context));
  std::map<std::string, std::vector<ScramCredential>> out;
  for (const auto& result : response.results) {
    MB_RETURN_IF_ERROR(CallError(result.error_code, DescribeUserScramCredentialsRequest::kApi,
                                 result.user, kClusterResource, BrokerId(-1),
                                 result.error_message.value_or("")));
    auto& credentials = out[result.user];
    for (const auto& info : result.credential_infos) {
      credentials.push_back({info.mechanism, info.iterations});
    }
    std::sort(credentials.begin(), credentials.end());
  }
  return out;
}

// The broker takes one change per user in a request, whatever the mechanism, so there are as many
// rounds as the user with most changes has.
Result<std::map<std::string, Status>> Admin::AlterScramUsers(
    const std::vector<ScramUpsertion>& upsert, const std::vector<ScramDeletion>& remove,
    const CallContext& context) {
  using Request = AlterUserScramCredentialsRequest;
  // Salted once: another try of the same change sends the same salt.
  std::map<std::string, std::vector<Request::Upsertion>> salted;
  std::map<std::string, std::vector<Request::Deletion>> removed;
  StatusByName out;
  for (const ScramUpsertion& upsertion : upsert) {
    MB_ASSIGN_OR_RETURN(auto one, Salted(upsertion));
    salted[upsertion.user].push_back(std::move(one));
    out[upsertion.user] = Status::Ok();
  }
  for (const ScramDeletion& deletion : remove) {
    removed[deletion.user].push_back({deletion.user, deletion.mechanism});
    out[deletion.user] = Status::Ok();
  }
  for (size_t round = 0;; ++round) {
    Names users;  // with a change left, and none that failed
    for (const auto& [user, status] : out) {
      bool left = round < salted[user].size() + removed[user].size();
      if (left && status.ok()) users.push_back(user);
    }
    if (users.empty()) break;
    auto ask = [&](const Names& names, const CallContext& bounded) -> Result<StatusByName> {
      Request request;
      for (const std::string& name : names) {
        const auto& set = salted[name];
        if (round < set.size()) {
          request.upsertions.push_back(set[round]);
        } else {
          request.deletions.push_back(removed[name][round - set.size()]);
        }
      }
      MB_ASSIGN_OR_RETURN(auto response, cluster_.impl_->CallController(request, bounded));
      StatusByName statuses;
      for (const auto& result : response.results) {
        // What shall not be there and is not.
        bool gone = result.error_code == kResourceNotFound && round >= salted[result.user].size();
        statuses[result.user] =
            CallError(gone ? error::kNone : result.error_code, Request::kApi, "user " + result.user,
                      kClusterResource, BrokerId(-1), result.error_message.value_or(""));
      }
      return statuses;
    };
    MB_ASSIGN_OR_RETURN(auto statuses,
                        CallByName(cluster_.impl_.get(), Request::kApi, users, {}, ask, context));
    for (auto& [user, status] : statuses) out[user] = std::move(status);
  }
  return out;
}

}  // namespace maxbrod::kafka
