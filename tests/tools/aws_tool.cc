// What the tests need of src/aws from outside: signs tokens at a given time, finds credentials,
// asks KMS. Prints one JSON object; errors as {"error": {"code", "message", "hint", "retryable"}}.
//
//   aws_tool token MECHANISM HOST REGION UNIX_SECONDS USER_AGENT   (keys from the environment)
//   aws_tool credentials [PROFILE [ROLE_ARN]]
//   aws_tool region
//   aws_tool kms KEY REGION describe | generate NAME=VALUE | decrypt BASE64 NAME=VALUE |
//                           encrypt TEXT NAME=VALUE | reencrypt BASE64 NAME=VALUE KEY2 NAME=VALUE
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "aws/credentials_chain.h"
#include "aws/credentials_endpoint.h"
#include "aws/json_read.h"
#include "aws/kms.h"
#include "aws/msk_token.h"
#include "codec/hash.h"

namespace maxbrod::aws {
namespace {

using Arguments = std::vector<std::string>;
using Answer = Result<nlohmann::json>;

EncryptionContext Bound(const std::string& text) {
  size_t equals = text.find('=');
  if (equals == text.npos) return {};
  return {{text.substr(0, equals), text.substr(equals + 1)}};
}

Answer Token(const Arguments& a) {
  MB_ASSIGN_OR_RETURN(Credentials credentials, MakeCredentials(SystemNeeds())->Get({}));
  MskSigning signing{a.at(3), std::stoll(a.at(4)) * 1000, a.at(5)};
  auto text = a.at(1) == "OAUTHBEARER" ? MskOAuthToken(credentials, signing)
                                       : MskIamMessage(credentials, a.at(2), signing);
  if (!text.ok()) return text.status();
  return nlohmann::json{{"token", *text}};
}

Answer FoundCredentials(const Arguments& a) {
  CredentialsOptions options;
  if (a.size() > 1) options.profile = a[1];
  if (a.size() > 2) options.role_arn = a[2];
  MB_ASSIGN_OR_RETURN(Credentials credentials, MakeCredentials(SystemNeeds(), options)->Get({}));
  return nlohmann::json{{"access_key_id", credentials.access_key_id},
                        {"source", credentials.source},
                        {"expires_ms", credentials.expires_ms},
                        {"has_token", !credentials.session_token.empty()}};
}

Answer Kms(const Arguments& a) {
  MB_ASSIGN_OR_RETURN(auto kms, KmsClient::Create(SystemNeeds(), MakeCredentials(SystemNeeds()),
                                                  a.at(1), a.at(2), {}));
  const std::string& what = a.at(3);
  if (what == "describe") {
    MB_ASSIGN_OR_RETURN(KmsKeyInfo info, kms->DescribeKey(a[1], {}));
    return nlohmann::json{{"arn", info.arn}, {"enabled", info.enabled}, {"state", info.state}};
  }
  if (what == "generate") {
    MB_ASSIGN_OR_RETURN(KmsDataKey key, kms->GenerateDataKey(a[1], Bound(a.at(4)), {}));
    return nlohmann::json{{"plaintext", Base64Encode(key.plaintext)},
                          {"ciphertext", Base64Encode(key.ciphertext)}};
  }
  if (what == "encrypt") {
    MB_ASSIGN_OR_RETURN(KmsCiphertext made,
                        kms->Encrypt(a[1], AsBytes(a.at(4)), Bound(a.at(5)), {}));
    return nlohmann::json{{"ciphertext", Base64Encode(made.bytes)}};
  }
  MB_ASSIGN_OR_RETURN(Bytes ciphertext, Base64Decode(a.at(4)));
  if (what == "reencrypt") {
    MB_ASSIGN_OR_RETURN(KmsCiphertext made, kms->ReEncrypt(ciphertext, a[1], Bound(a.at(5)),
                                                           a.at(6), Bound(a.at(7)), {}));
    return nlohmann::json{{"ciphertext", Base64Encode(made.bytes)}};
  }
  MB_ASSIGN_OR_RETURN(Bytes plaintext, kms->Decrypt(a[1], ciphertext, Bound(a.at(5)), {}));
  return nlohmann::json{{"plaintext", Base64Encode(plaintext)}};
}

Answer Run(const Arguments& a) {
  if (a.at(0) == "token") return Token(a);
  if (a[0] == "credentials") return FoundCredentials(a);
  if (a[0] == "kms") return Kms(a);
  MB_ASSIGN_OR_RETURN(std::string region, ResolveRegion(SystemNeeds(), "", {}));
  return nlohmann::json{{"region", region}};
}

}  // namespace
}  // namespace maxbrod::aws

int main(int count, char** arguments) {
  using namespace maxbrod;
  auto answer = aws::Run({arguments + 1, arguments + count});
  nlohmann::json out;
  if (answer.ok()) {
    out = *answer;
  } else {
    Status status = answer.status();
    out["error"] = {{"code", std::string(InfoOf(status.code()).name)},
                    {"message", status.message()},
                    {"hint", status.hint()},
                    {"retryable", status.retryable()}};
  }
  std::cout << aws::JsonDump(out) << std::endl;
  return answer.ok() ? 0 : 1;
}
