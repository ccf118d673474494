#include "aws/secrets.h"

#include "aws/credentials_endpoint.h"
#include "aws/json_read.h"
#include "aws/kms.h"
#include "codec/hash.h"

namespace maxbrod::aws {

Result<UserSecret> ReadUserSecret(const SourceNeeds& needs,
                                  std::shared_ptr<CredentialsProvider> credentials,
                                  const std::string& secret, const CallContext& context) {
  JsonServiceOptions options;
  options.name = "Secrets Manager";
  options.signing_name = "secretsmanager";
  options.region = RegionOfArn(secret);
  if (options.region.empty()) {
    MB_ASSIGN_OR_RETURN(options.region, ResolveRegion(needs, "", context));
  }
  options.endpoint =
      ServiceEndpoint(*needs.environment, "SECRETS_MANAGER", "secretsmanager", options.region);
  options.target_prefix = "secretsmanager";
  JsonService service(needs, std::move(credentials), std::move(options));
  auto read_error = [&](const ServiceError& error) {
    const std::string said = error.message.empty() ? error.type : error.message;
    if (error.type == "AccessDeniedException") {
      return Status(Code::kPermission, "secret " + secret + ": not allowed: " + said)
          .WithHint(
              "the caller needs secretsmanager:GetSecretValue on it, and kms:Decrypt on the "
              "key it is encrypted with");
    }
    if (error.type == "DecryptionFailure")
      return Status(Code::kPermission, "secret " + secret + ": its key cannot be used: " + said);
    return Status::Ok();
  };
  MB_ASSIGN_OR_RETURN(
      nlohmann::json answer,
      service.Call("GetSecretValue", nlohmann::json{{"SecretId", secret}}, context, read_error));
  auto it = answer.find("SecretString");
  std::string text = JsonText(answer, "SecretString");
  if (it != answer.end() && it->is_string()) {
    auto& held = it->get_ref<std::string&>();
    WipeSecret({reinterpret_cast<uint8_t*>(held.data()), held.size()});
  }
  auto json = ParseJsonObject(text, "secret " + secret);
  WipeSecret({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  UserSecret user;
  if (json.ok()) user = {JsonText(*json, "username"), JsonText(*json, "password")};
  if (user.username.empty() || user.password.empty()) {
    return Status(Code::kInvalidArgument,
                  "secret " + secret + " is not {\"username\": ..., \"password\": ...}")
        .WithHint("this is the form that MSK wants of secrets named AmazonMSK_...");
  }
  return user;
}

}  // namespace maxbrod::aws
