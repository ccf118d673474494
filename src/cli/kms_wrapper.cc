#include "cli/kms_wrapper.h"

#include "aws/credentials_chain.h"
#include "aws/kms.h"
#include "codec/hash.h"

namespace maxbrod::cli {
namespace {

Result<std::unique_ptr<aws::KmsClient>> Client(const std::string& key, const CallContext& context) {
  const aws::SourceNeeds& needs = aws::SystemNeeds();
  return aws::KmsClient::Create(needs, aws::MakeCredentials(needs), key, "", context);
}

class KmsWrapper final : public repo::KeyWrapper {
 public:
  explicit KmsWrapper(std::string key) : key_(std::move(key)) {}

  std::string provider() const override { return "aws"; }
  std::string key() const override { return key_; }

  Result<Bytes> Wrap(const std::string& key, const SecretBytes& secret,
                     const EncryptionContext& encryption_context,
                     const CallContext& context) override {
    MB_ASSIGN_OR_RETURN(auto client, Client(key, context));
    MB_ASSIGN_OR_RETURN(aws::KmsCiphertext wrapped,
                        client->Encrypt(key, secret.view(), encryption_context, context));
    return std::move(wrapped.bytes);
  }

  Result<SecretBytes> Unwrap(const std::string& key, ByteView wrapped,
                             const EncryptionContext& encryption_context,
                             const CallContext& context) override {
    MB_ASSIGN_OR_RETURN(auto client, Client(key, context));
    MB_ASSIGN_OR_RETURN(Bytes plain, client->Decrypt(key, wrapped, encryption_context, context));
    SecretBytes secret{ByteView(plain)};
    WipeSecret(plain);
    return secret;
  }

 private:
  const std::string key_;
};

}  // namespace

std::shared_ptr<repo::KeyWrapper> MakeKmsOpener() {
  return std::make_shared<KmsWrapper>("");
}

Result<std::shared_ptr<repo::KeyWrapper>> MakeKmsWrapper(const std::string& key,
                                                         const CallContext& context) {
  MB_ASSIGN_OR_RETURN(auto client, Client(key, context));
  MB_ASSIGN_OR_RETURN(aws::KmsKeyInfo info, client->DescribeKey(key, context));
  if (!info.enabled) {
    return Status(Code::kUnavailable, "KMS key " + info.arn + " is " + info.state)
        .WithHint("enable it, or name another key");
  }
  if (!info.usage.empty() && info.usage != "ENCRYPT_DECRYPT") {
    return Status(Code::kInvalidArgument, "KMS key " + info.arn + " is for " + info.usage)
        .WithHint("name a symmetric key for encryption");
  }
  return std::shared_ptr<repo::KeyWrapper>(std::make_shared<KmsWrapper>(info.arn));
}

}  // namespace maxbrod::cli
