// From OpenSSL's error codes to what a user can act upon.
#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdio>

#include "os/tls_internal.h"

namespace maxbrod::internal {
namespace {

// A certificate may hold hundreds of names.
constexpr int kNamesShownMax = 10;

std::string TextOf(const X509_NAME* name) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return "?";
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string TextOf(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "?";
  std::array<char, 40> text;
  size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return std::string(text.data(), size);
}

std::string AddressText(const ASN1_OCTET_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  int size = ASN1_STRING_length(address);
  if (size != 4 && size != 16) return "?";
  inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text.data(),
            text.size());
  return text.data();
}

std::string NamesOf(const X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  if (names == nullptr) return "";
  std::string text;
  int count = sk_GENERAL_NAME_num(names);
  for (int i = 0; i < count && i < kNamesShownMax; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (!text.empty()) text += ", ";
    if (name->type == GEN_DNS) {
      text.append(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                  static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      text += AddressText(name->d.iPAddress);
    } else {
      text += "(other)";
    }
  }
  if (count > kNamesShownMax) text += ", ...";
  GENERAL_NAMES_free(names);
  return text;
}

Status CertificateStatus(const HandshakeNotes& notes, const std::string& peer) {
  auto fail = [&](const std::string& why) {
    return Status(Code::kTls, "TLS with " + peer + ": " + why);
  };
  const std::string subject = "its certificate (" + notes.certificate + ")";
  switch (notes.verify_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fail(subject + " expired on " + notes.valid_until)
          .WithHint("have the certificate renewed; if it looks valid, check this machine's clock");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fail(subject + " is not valid before " + notes.valid_from)
          .WithHint("check this machine's clock");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_INVALID_CA:
      return fail(subject + " comes from an authority that is not trusted: " + notes.issuer)
          .WithHint(
              "give the certificate of that authority as truststore (ssl.truststore.location)");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fail(subject +
                  " is for another host: " + (notes.names.empty() ? "it names none" : notes.names))
          .WithHint(
              "connect by a name the certificate holds, or switch the check off with an empty "
              "ssl.endpoint.identification.algorithm");
    case X509_V_ERR_CERT_REVOKED:
      return fail(subject + " was revoked");
    default:
      return fail(subject + " is refused: " + X509_verify_cert_error_string(notes.verify_error));
  }
}

// The peer sent an alert about our certificate, or for want of one.
bool IsAboutOurCertificate(int reason, const HandshakeNotes& notes) {
  switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return true;
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return notes.certificate_asked;
    default:
      return false;
  }
}

Status OurCertificateStatus(const HandshakeNotes& notes, const std::string& peer,
                            const std::string& reason) {
  if (notes.certificate_asked && !notes.have_certificate) {
    return Status(Code::kAuthentication,
                  "TLS with " + peer + ": the peer demands a client certificate (" + reason + ")")
        .WithHint("configure one: ssl.keystore.location and ssl.keystore.password");
  }
  return Status(Code::kAuthentication,
                "TLS with " + peer + ": the peer does not accept our certificate (" + reason + ")")
      .WithHint(
          "the peer's truststore must hold the authority of our certificate, and the "
          "certificate must be valid");
}

}  // namespace

void NoteVerifyFailure(X509_STORE_CTX* store, HandshakeNotes* notes) {
  notes->verify_error = X509_STORE_CTX_get_error(store);
  const X509* certificate = X509_STORE_CTX_get_current_cert(store);
  if (certificate == nullptr) return;
  notes->certificate = TextOf(X509_get_subject_name(certificate));
  notes->issuer = TextOf(X509_get_issuer_name(certificate));
  notes->valid_from = TextOf(X509_get0_notBefore(certificate));
  notes->valid_until = TextOf(X509_get0_notAfter(certificate));
  notes->names = NamesOf(certificate);
}

Status TlsStatus(const HandshakeNotes& notes, const std::string& operation,
                 const std::string& peer) {
  unsigned long error = ERR_peek_error();
  int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  std::string text = TakeOpensslReason();
  if (notes.verify_error != X509_V_OK) return CertificateStatus(notes, peer);
  if (IsAboutOurCertificate(reason, notes)) return OurCertificateStatus(notes, peer, text);
  Status status(Code::kTls, operation + " " + peer + ": " + text);
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_UNKNOWN_PROTOCOL:
      return Status(Code::kTls, "TLS with " + peer + ": the peer does not speak TLS (" + text + ")")
          .WithHint("is this a PLAINTEXT listener? Check the port and security.protocol");
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
      return std::move(status).WithHint(
          "the two sides share no TLS version; 1.2 is the lowest here");
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return std::move(status).WithHint("the two sides share no cipher suite");
    default:
      return status;
  }
}

}  // namespace maxbrod::internal
