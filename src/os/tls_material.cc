// Reading certificates and keys: PEM and PKCS12, by content.
#include <openssl/pem.h>
#include <openssl/provider.h>

#include <algorithm>
#include <cstring>

#include "base/limits.h"
#include "os/file.h"
#include "os/tls_internal.h"

namespace maxbrod::internal {
namespace {

// A store with thousands of authorities is below 1 MiB.
constexpr size_t kStoreBytesMax = 16 * kMiB;
constexpr uint32_t kJksMagic = 0xfeedfeed;
constexpr uint32_t kJceksMagic = 0xcececece;

BioPtr BioOf(ByteView bytes) {
  return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// Hands OpenSSL the password; without one it would ask on the terminal.
int GivePassword(char* buffer, int size, int /*writing*/, void* user) {
  const auto* password = static_cast<const std::string*>(user);
  if (password->empty() || password->size() > static_cast<size_t>(size)) return -1;
  std::memcpy(buffer, password->data(), password->size());
  return static_cast<int>(password->size());
}

Status Bad(const std::string& source, const std::string& why) {
  return Status(Code::kInvalidArgument, source + ": " + why);
}

Result<LoadedMaterial> LoadPem(ByteView text, const std::string& password,
                               const std::string& source) {
  LoadedMaterial loaded;
  BioPtr bio = BioOf(text);
  auto* user = const_cast<std::string*>(&password);
  for (;;) {
    CertificatePtr certificate(PEM_read_bio_X509_AUX(bio.get(), nullptr, GivePassword, user));
    if (!certificate) break;
    loaded.certificates.push_back(std::move(certificate));
  }
  unsigned long error = ERR_peek_last_error();
  bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  std::string reason = TakeOpensslReason();
  if (!at_end) return Bad(source, "damaged PEM certificate (" + reason + ")");

  if (AsText(text).find("PRIVATE KEY-----") != std::string_view::npos) {
    bio = BioOf(text);
    loaded.key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, GivePassword, user));
    reason = TakeOpensslReason();
    if (!loaded.key) {
      if (password.empty()) {
        return Bad(source, "the private key cannot be read (" + reason + ")")
            .WithHint("if the key is encrypted, give its password (ssl.key.password)");
      }
      return Bad(source, "the private key cannot be read: wrong password? (" + reason + ")")
          .WithHint("check ssl.key.password");
    }
  }
  if (loaded.certificates.empty() && !loaded.key) {
    return Bad(source, "no certificate and no private key inside");
  }
  return loaded;
}

// Java before 8u301 wrote stores with RC2-40 and 3DES, which OpenSSL 3 keeps in its legacy
// provider. They are opened in a library context of their own, so that nothing else may use those
// ciphers.
OSSL_LIB_CTX* LegacyLibrary() {
  static OSSL_LIB_CTX* const library = [] {
    OSSL_LIB_CTX* made = OSSL_LIB_CTX_new();
    if (made != nullptr && (OSSL_PROVIDER_load(made, "default") == nullptr ||
                            OSSL_PROVIDER_load(made, "legacy") == nullptr)) {
      OSSL_LIB_CTX_free(made);
      made = nullptr;
    }
    ERR_clear_error();
    return made;
  }();
  return library;
}

Pkcs12Ptr DecodePkcs12(ByteView bytes, OSSL_LIB_CTX* library) {
  BioPtr bio = BioOf(bytes);
  PKCS12* store = PKCS12_init_ex(NID_pkcs7_data, library, nullptr);
  if (store == nullptr) return nullptr;
  PKCS12* decoded = d2i_PKCS12_bio(bio.get(), &store);
  if (decoded == nullptr) PKCS12_free(store);  // null when d2i has freed it
  return Pkcs12Ptr(decoded);
}

bool ParsePkcs12(PKCS12* store, const std::string& password, LoadedMaterial* loaded) {
  EVP_PKEY* key = nullptr;
  X509* own = nullptr;
  STACK_OF(X509)* others = nullptr;
  if (PKCS12_parse(store, password.c_str(), &key, &own, &others) != 1) return false;
  loaded->key.reset(key);
  if (own != nullptr) loaded->certificates.emplace_back(own);
  while (others != nullptr && sk_X509_num(others) > 0) {
    loaded->certificates.emplace_back(sk_X509_shift(others));
  }
  sk_X509_free(others);
  return true;
}

Result<LoadedMaterial> LoadPkcs12(ByteView bytes, const std::string& password,
                                  const std::string& source) {
  Pkcs12Ptr store = DecodePkcs12(bytes, nullptr);
  if (!store) {
    TakeOpensslReason();
    return Bad(source, "neither PEM nor a PKCS12 store");
  }
  LoadedMaterial loaded;
  bool parsed = ParsePkcs12(store.get(), password, &loaded);
  unsigned long error = parsed ? 0 : ERR_peek_last_error();
  bool wrong_password =
      ERR_GET_LIB(error) == ERR_LIB_PKCS12 && ERR_GET_REASON(error) == PKCS12_R_MAC_VERIFY_FAILURE;
  std::string reason = TakeOpensslReason();
  if (!parsed && !wrong_password && LegacyLibrary() != nullptr) {
    loaded = LoadedMaterial();
    store = DecodePkcs12(bytes, LegacyLibrary());
    parsed = store && ParsePkcs12(store.get(), password, &loaded);
    TakeOpensslReason();
  }
  if (wrong_password) return Bad(source, "wrong password").WithHint("check the store's password");
  if (!parsed) {
    return Status(Code::kUnsupported, source + ": the PKCS12 store cannot be read (" + reason + ")")
        .WithHint("write it anew with a current tool: keytool -importkeystore -srckeystore " +
                  source + " -destkeystore new.p12 -deststoretype PKCS12");
  }
  if (loaded.certificates.empty() && !loaded.key) return Bad(source, "the store is empty");
  return loaded;
}

Status JksUnsupported(const std::string& source) {
  return Status(Code::kUnsupported, source + ": Java's JKS format is not supported")
      .WithHint("convert it: keytool -importkeystore -srckeystore " + source + " -destkeystore " +
                source + ".p12 -deststoretype PKCS12");
}

}  // namespace

std::string TakeOpensslReason() {
  std::string reason = "unknown reason";
  // The queue's first entry is the deepest cause.
  if (unsigned long error = ERR_get_error(); error != 0) {
    const char* text = ERR_reason_error_string(error);
    reason = text != nullptr ? text : "error " + std::to_string(ERR_GET_REASON(error));
  }
  ERR_clear_error();
  return reason;
}

Result<LoadedMaterial> LoadTlsMaterial(const TlsMaterial& material, const std::string& what) {
  ERR_clear_error();
  if (!material.pem.empty()) return LoadPem(AsBytes(material.pem), material.password, what);
  auto read = ReadFile(FileSystem::Posix(), material.file, kStoreBytesMax);
  if (!read.ok()) return read.status().WithContext(what);
  const Bytes& bytes = *read;
  if (bytes.size() >= 4) {
    auto magic = LoadBig<uint32_t>(bytes.data());
    if (magic == kJksMagic || magic == kJceksMagic) return JksUnsupported(material.file);
  }
  bool pem = AsText(bytes).find("-----BEGIN ") != std::string_view::npos;
  return pem ? LoadPem(bytes, material.password, material.file)
             : LoadPkcs12(bytes, material.password, material.file);
}

}  // namespace maxbrod::internal
