#include "aws/kms.h"

#include "aws/credentials_endpoint.h"
#include "aws/json_read.h"
#include "codec/hash.h"

namespace maxbrod::aws {
namespace {

JsonServiceOptions OptionsFor(const SourceNeeds& needs, const std::string& region) {
  JsonServiceOptions options;
  options.name = "KMS";
  options.signing_name = "kms";
  options.region = region;
  options.endpoint = ServiceEndpoint(*needs.environment, "KMS", "kms", region);
  options.target_prefix = "TrentService";
  return options;
}

// What KMS's own error names mean here. OK: nothing of its own.
Status ReadKmsError(const std::string& action, const std::string& key, const ServiceError& error) {
  const std::string of_key = "key " + key + ": ";
  const std::string said = error.message.empty() ? error.type : error.message;
  if (error.type == "AccessDeniedException") {
    return Status(Code::kPermission, of_key + "not allowed: " + said)
        .WithHint("kms:" + action +
                  " must be allowed by the caller's policy or a grant, and the key's policy must "
                  "let IAM policies decide");
  }
  if (error.type == "NotFoundException") {
    return Status(Code::kNotFound, of_key + "there is no such key in this region: " + said)
        .WithHint("check the key's region and account; an alias needs the prefix alias/");
  }
  if (error.type == "DisabledException") {
    return Status(Code::kUnavailable, of_key + "it is disabled: " + said)
        .WithHint("enable it (aws kms enable-key), or use another key slot");
  }
  if (error.type == "KMSInvalidStateException" || error.type == "KMSInvalidStateFault") {
    return Status(Code::kUnavailable, of_key + "its state does not allow this: " + said)
        .WithHint("a key that waits for its deletion can be kept: aws kms cancel-key-deletion");
  }
  if (error.type == "InvalidCiphertextException") {
    return Status(Code::kCorrupt, of_key + "KMS does not recognize the ciphertext")
        .WithHint("it was changed, or it belongs to another repository (encryption context)");
  }
  if (error.type == "IncorrectKeyException") {
    return Status(Code::kInvalidArgument, of_key + "the ciphertext was made with another key");
  }
  if (error.type == "InvalidKeyUsageException" || error.type == "UnsupportedOperationException") {
    return Status(Code::kInvalidArgument, of_key + "it is not for this use: " + said)
        .WithHint("a symmetric key for encryption and decryption is needed");
  }
  if (error.type == "KeyUnavailableException" || error.type == "DependencyTimeoutException" ||
      error.type == "KMSInternalException") {
    return Status(Code::kUnavailable, of_key + said).Retryable();
  }
  return Status::Ok();
}

void Wipe(std::string* text) {
  WipeSecret({reinterpret_cast<uint8_t*>(text->data()), text->size()});
}

// The bytes under `name`; kProtocol when there are none.
Result<Bytes> TakeBytes(nlohmann::json* answer, const char* name) {
  auto it = answer->find(name);
  if (it != answer->end() && it->is_string()) {
    auto& text = it->get_ref<std::string&>();
    auto bytes = Base64Decode(text);
    Wipe(&text);
    if (bytes.ok() && !bytes->empty()) return bytes;
  }
  return Status(Code::kProtocol, std::string("KMS: the answer has no ") + name);
}

nlohmann::json Body(const std::string& key, const char* context_name,
                    const EncryptionContext& bound) {
  nlohmann::json body = {{"KeyId", key}};
  if (!bound.empty()) body[context_name] = bound;
  return body;
}

}  // namespace

KmsClient::KmsClient(const SourceNeeds& needs, std::shared_ptr<CredentialsProvider> credentials,
                     const std::string& region)
    : service_(needs, std::move(credentials), OptionsFor(needs, region)) {}

Result<std::unique_ptr<KmsClient>> KmsClient::Create(
    const SourceNeeds& needs, std::shared_ptr<CredentialsProvider> credentials,
    const std::string& key, const std::string& region, const CallContext& context) {
  std::string chosen = region.empty() ? RegionOfArn(key) : region;
  if (chosen.empty()) {
    MB_ASSIGN_OR_RETURN(chosen, ResolveRegion(needs, "", context));
  }
  return std::make_unique<KmsClient>(needs, std::move(credentials), chosen);
}

Result<nlohmann::json> KmsClient::Ask(const std::string& action, const std::string& key,
                                      const nlohmann::json& body, const CallContext& context) {
  return service_.Call(action, body, context,
                       [&](const ServiceError& error) { return ReadKmsError(action, key, error); });
}

Result<KmsDataKey> KmsClient::GenerateDataKey(const std::string& key,
                                              const EncryptionContext& bound,
                                              const CallContext& context, int bytes) {
  nlohmann::json body = Body(key, "EncryptionContext", bound);
  body["NumberOfBytes"] = bytes;
  MB_ASSIGN_OR_RETURN(nlohmann::json answer, Ask("GenerateDataKey", key, body, context));
  KmsDataKey made;
  MB_ASSIGN_OR_RETURN(made.plaintext, TakeBytes(&answer, "Plaintext"));
  if (made.plaintext.size() != static_cast<size_t>(bytes))
    return Status(Code::kProtocol, "KMS GenerateDataKey: a key of another size came back");
  MB_ASSIGN_OR_RETURN(made.ciphertext, TakeBytes(&answer, "CiphertextBlob"));
  made.key_arn = JsonText(answer, "KeyId");
  return made;
}

Result<KmsCiphertext> KmsClient::Encrypt(const std::string& key, ByteView plaintext,
                                         const EncryptionContext& bound,
                                         const CallContext& context) {
  nlohmann::json body = Body(key, "EncryptionContext", bound);
  body["Plaintext"] = Base64Encode(plaintext);
  auto asked = Ask("Encrypt", key, body, context);
  Wipe(&body["Plaintext"].get_ref<std::string&>());
  MB_ASSIGN_OR_RETURN(nlohmann::json answer, std::move(asked));
  KmsCiphertext made;
  MB_ASSIGN_OR_RETURN(made.bytes, TakeBytes(&answer, "CiphertextBlob"));
  made.key_arn = JsonText(answer, "KeyId");
  return made;
}

Result<Bytes> KmsClient::Decrypt(const std::string& key, ByteView ciphertext,
                                 const EncryptionContext& bound, const CallContext& context) {
  nlohmann::json body = Body(key, "EncryptionContext", bound);
  body["CiphertextBlob"] = Base64Encode(ciphertext);
  MB_ASSIGN_OR_RETURN(nlohmann::json answer, Ask("Decrypt", key, body, context));
  return TakeBytes(&answer, "Plaintext");
}

Result<KmsKeyInfo> KmsClient::DescribeKey(const std::string& key, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(nlohmann::json answer,
                      Ask("DescribeKey", key, nlohmann::json{{"KeyId", key}}, context));
  const nlohmann::json& data = JsonObject(answer, "KeyMetadata");
  KmsKeyInfo info;
  info.arn = JsonText(data, "Arn");
  info.state = JsonText(data, "KeyState");
  info.spec = JsonText(data, "KeySpec");
  info.usage = JsonText(data, "KeyUsage");
  info.enabled = info.state == "Enabled";
  if (info.arn.empty()) return Status(Code::kProtocol, "KMS DescribeKey: the answer has no key");
  return info;
}

Result<KmsCiphertext> KmsClient::ReEncrypt(ByteView ciphertext, const std::string& from_key,
                                           const EncryptionContext& from_bound,
                                           const std::string& to_key,
                                           const EncryptionContext& to_bound,
                                           const CallContext& context) {
  nlohmann::json body = {{"CiphertextBlob", Base64Encode(ciphertext)},
                         {"SourceKeyId", from_key},
                         {"DestinationKeyId", to_key}};
  if (!from_bound.empty()) body["SourceEncryptionContext"] = from_bound;
  if (!to_bound.empty()) body["DestinationEncryptionContext"] = to_bound;
  // The permissions are ReEncryptFrom and ReEncryptTo; KMS's message says which one lacks.
  MB_ASSIGN_OR_RETURN(nlohmann::json answer,
                      Ask("ReEncrypt", from_key + " to " + to_key, body, context));
  KmsCiphertext made;
  MB_ASSIGN_OR_RETURN(made.bytes, TakeBytes(&answer, "CiphertextBlob"));
  made.key_arn = JsonText(answer, "KeyId");
  return made;
}

std::string RegionOfArn(const std::string& arn) {
  if (!arn.starts_with("arn:")) return {};
  size_t from = 0;
  for (int colon = 0; colon < 3; ++colon) {
    from = arn.find(':', from);
    if (from == arn.npos) return {};
    ++from;
  }
  std::string region = arn.substr(from, arn.find(':', from) - from);
  return IsRegionName(region) ? region : "";
}

}  // namespace maxbrod::aws
