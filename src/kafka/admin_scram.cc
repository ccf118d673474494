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

Result<std::map<std::string, Status>> Admin::AlterScramUsers(
    const std::vector<ScramUpsertion>& upsert, const std::vector<ScramDeletion>& remove,
    const CallContext& context) {
  // Once: another try of the same change sends the same salt.
  std::map<std::string, std::vector<AlterUserScramCredentialsRequest::Upsertion>> salted;
  std::map<std::string, std::vector<AlterUserScramCredentialsRequest::Deletion>> removed;
  Names users;
  for (const ScramUpsertion& upsertion : upsert) {
    MB_ASSIGN_OR_RETURN(auto one, Salted(upsertion));
    salted[upsertion.user].push_back(std::move(one));
    users.push_back(upsertion.user);
  }
  for (const ScramDeletion& deletion : remove) {
    removed[deletion.user].push_back({deletion.user, deletion.mechanism});
    users.push_back(deletion.user);
  }
  auto ask = [&](const Names& names, const CallContext& bounded) -> Result<StatusByName> {
    AlterUserScramCredentialsRequest request;
    for (const std::string& name : names) {
      const auto& set = salted[name];
      const auto& gone = removed[name];
      request.upsertions.insert(request.upsertions.end(), set.begin(), set.end());
      request.deletions.insert(request.deletions.end(), gone.begin(), gone.end());
    }
    MB_ASSIGN_OR_RETURN(auto response, cluster_.impl_->CallController(request, bounded));
    StatusByName statuses;
    for (const auto& result : response.results) {
      // What shall not be there and is not.
      bool gone = result.error_code == kResourceNotFound && salted[result.user].empty();
      statuses[result.user] = CallError(
          gone ? error::kNone : result.error_code, AlterUserScramCredentialsRequest::kApi,
          "user " + result.user, kClusterResource, BrokerId(-1), result.error_message.value_or(""));
    }
    return statuses;
  };
  return CallByName(cluster_.impl_.get(), AlterUserScramCredentialsRequest::kApi, users, {}, ask,
                    context);
}

}  // namespace maxbrod::kafka
