#include "os/tls_testing.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/status.h"
#include "os/tls_internal.h"

namespace maxbrod {
namespace {

using internal::BioPtr;
using internal::CertificatePtr;
using internal::KeyPtr;

std::string Content(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string PemOf(X509* certificate) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  MB_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return Content(bio.get());
}

std::string PemOf(EVP_PKEY* key) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  MB_CHECK(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return Content(bio.get());
}

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  MB_CHECK(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

CertificatePtr Unsigned(const TestCertificateRequest& request, EVP_PKEY* key) {
  CertificatePtr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  uint32_t serial = 0;
  MB_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) == 1);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), uint64_t{serial} + 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), request.valid_from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), request.valid_until_seconds);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(request.common_name.c_str()),
                             -1, -1, 0);
  return certificate;
}

}  // namespace

struct TestAuthority::State {
  KeyPtr key;
  CertificatePtr certificate;
};

TestAuthority::TestAuthority(const std::string& name) : state_(new State) {
  state_->key.reset(EVP_EC_gen("P-256"));
  TestCertificateRequest request;
  request.common_name = name;
  state_->certificate = Unsigned(request, state_->key.get());
  X509* root = state_->certificate.get();
  X509_set_issuer_name(root, X509_get_subject_name(root));
  AddExtension(root, root, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(root, root, NID_key_usage, "critical,keyCertSign,cRLSign");
  MB_CHECK(X509_sign(root, state_->key.get(), EVP_sha256()) != 0);
  pem_ = PemOf(root);
}

TestAuthority::~TestAuthority() {
  delete state_;
}

TestCertificate TestAuthority::Issue(const TestCertificateRequest& request) {
  KeyPtr key(EVP_EC_gen("P-256"));
  CertificatePtr certificate = Unsigned(request, key.get());
  X509* issuer = state_->certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  std::string names;
  for (const std::string& dns : request.dns_names)
    names += (names.empty() ? "" : ",") + ("DNS:" + dns);
  for (const std::string& ip : request.addresses)
    names += (names.empty() ? "" : ",") + ("IP:" + ip);
  if (!names.empty()) AddExtension(certificate.get(), issuer, NID_subject_alt_name, names);
  AddExtension(certificate.get(), issuer, NID_ext_key_usage, "serverAuth,clientAuth");
  MB_CHECK(X509_sign(certificate.get(), state_->key.get(), EVP_sha256()) != 0);
  return {PemOf(certificate.get()), PemOf(key.get())};
}

std::string EncryptKeyPem(const std::string& key_pem, const std::string& password) {
  auto loaded = internal::LoadTlsMaterial(TlsMaterial{key_pem, "", ""}, "key");
  MB_CHECK(loaded.ok());
  BioPtr bio(BIO_new(BIO_s_mem()));
  MB_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), loaded->key.get(), EVP_aes_256_cbc(),
                                         password.c_str(), static_cast<int>(password.size()),
                                         nullptr, nullptr) == 1);
  return Content(bio.get());
}

Bytes MakePkcs12(const std::string& certificates_pem, const std::string& key_pem,
                 const std::string& password) {
  auto loaded = internal::LoadTlsMaterial(TlsMaterial{certificates_pem + key_pem, "", ""}, "store");
  MB_CHECK(loaded.ok());
  STACK_OF(X509)* others = sk_X509_new_null();
  bool with_key = loaded->key != nullptr;
  for (size_t i = with_key ? 1 : 0; i < loaded->certificates.size(); ++i) {
    sk_X509_push(others, loaded->certificates[i].get());
  }
  internal::Pkcs12Ptr store(PKCS12_create(password.c_str(), "store", loaded->key.get(),
                                          with_key ? loaded->certificates.front().get() : nullptr,
                                          others, 0, 0, 0, 0, 0));
  sk_X509_free(others);
  MB_CHECK(store != nullptr);
  BioPtr bio(BIO_new(BIO_s_mem()));
  MB_CHECK(i2d_PKCS12_bio(bio.get(), store.get()) == 1);
  std::string content = Content(bio.get());
  return Bytes(content.begin(), content.end());
}

}  // namespace maxbrod
