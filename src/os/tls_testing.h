// Certificates made on the spot, for tests.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"

namespace maxbrod {

struct TestCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

struct TestCertificateRequest {
  std::string common_name = "test";
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;
  long valid_from_seconds = -3600;  // relative to now
  long valid_until_seconds = 3600;
};

// A certificate authority with a self-signed root (EC P-256). Issue it before use; not thread-safe.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name);
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  const std::string& pem() const { return pem_; }
  TestCertificate Issue(const TestCertificateRequest& request);

 private:
  struct State;
  State* state_;
  std::string pem_;
};

// The PEM key, encrypted.
std::string EncryptKeyPem(const std::string& key_pem, const std::string& password);
// A PKCS12 store of a key with its certificate, or (key empty) of certificates only.
Bytes MakePkcs12(const std::string& certificates_pem, const std::string& key_pem,
                 const std::string& password);

}  // namespace maxbrod
