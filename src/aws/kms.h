// AWS Key Management Service: small secrets under keys that never leave it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "aws/json_call.h"
#include "base/bytes.h"

namespace maxbrod::aws {

// Bound to what is encrypted: decryption needs the same. Not secret; CloudTrail shows it.
using EncryptionContext = std::map<std::string, std::string>;

struct KmsDataKey {
  Bytes plaintext;  // secret: wipe it after use
  Bytes ciphertext;
  std::string key_arn;
};
struct KmsCiphertext {
  Bytes bytes;
  std::string key_arn;
};
struct KmsKeyInfo {
  std::string arn;
  std::string state;  // "Enabled", "Disabled", "PendingDeletion", ...
  std::string spec;   // "SYMMETRIC_DEFAULT"
  std::string usage;  // "ENCRYPT_DECRYPT"
  bool enabled = false;
};

// A key is named by its ARN, its id, or an alias ("alias/backups", or the alias's ARN).
//
// Errors name the action and the key, and hint what to do: kPermission (not allowed), kNotFound (no
// such key), kUnavailable (disabled or to be deleted: not retryable; throttled, out of reach:
// retryable), kCorrupt (the ciphertext is damaged, or the encryption context is another),
// kInvalidArgument (another key's ciphertext, a key of another use), kAuthentication, kTimeout.
// None carries a plaintext. Thread-safe.
class KmsClient {
 public:
  // `region`: empty takes that of the key's ARN, else that of the environment (ResolveRegion). The
  // endpoint honours AWS_ENDPOINT_URL_KMS. The needs must outlive it.
  static Result<std::unique_ptr<KmsClient>> Create(const SourceNeeds& needs,
                                                   std::shared_ptr<CredentialsProvider> credentials,
                                                   const std::string& key,
                                                   const std::string& region,
                                                   const CallContext& context);
  KmsClient(const SourceNeeds& needs, std::shared_ptr<CredentialsProvider> credentials,
            const std::string& region);

  // A fresh random key of `bytes` bytes (1 to 1024), in the clear and encrypted.
  Result<KmsDataKey> GenerateDataKey(const std::string& key, const EncryptionContext& bound,
                                     const CallContext& context, int bytes = 32);
  // At most 4096 bytes.
  Result<KmsCiphertext> Encrypt(const std::string& key, ByteView plaintext,
                                const EncryptionContext& bound, const CallContext& context);
  // `key` is the one it must have been encrypted with: a ciphertext of an intruder's own key is
  // refused.
  Result<Bytes> Decrypt(const std::string& key, ByteView ciphertext, const EncryptionContext& bound,
                        const CallContext& context);
  Result<KmsKeyInfo> DescribeKey(const std::string& key, const CallContext& context);
  // To another key, or another context, without the plaintext leaving the service.
  Result<KmsCiphertext> ReEncrypt(ByteView ciphertext, const std::string& from_key,
                                  const EncryptionContext& from_bound, const std::string& to_key,
                                  const EncryptionContext& to_bound, const CallContext& context);

  const std::string& region() const { return service_.options().region; }

 private:
  Result<nlohmann::json> Ask(const std::string& action, const std::string& key,
                             const nlohmann::json& body, const CallContext& context);
  JsonService service_;
};

// The region of "arn:aws:kms:eu-west-1:...", of any service's ARN; empty for anything else.
std::string RegionOfArn(const std::string& arn);

}  // namespace maxbrod::aws
