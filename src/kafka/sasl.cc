#include "kafka/sasl.h"

#include <array>
#include <charconv>
#include <optional>

#include "codec/hash.h"

namespace maxbrod::kafka {
namespace {

// Keeps a broker from making us hash for minutes (Kafka itself creates credentials with at most
// 16384).
constexpr uint32_t kIterationsMax = 1'000'000;
constexpr size_t kNonceBytes = 24;
// gs2 header "n,,": no channel binding, no authorization identity; "biws" is its base64.
constexpr std::string_view kGs2Header = "n,,";
constexpr std::string_view kGs2HeaderBase64 = "biws";

Status ServerBroke(std::string_view what) {
  return Status(Code::kProtocol, "SCRAM: the broker's message " + std::string(what));
}

bool IsScram(SaslMechanism mechanism) {
  return mechanism == SaslMechanism::kScramSha256 || mechanism == SaslMechanism::kScramSha512;
}
Prf PrfOf(SaslMechanism mechanism) {
  return mechanism == SaslMechanism::kScramSha256 ? Prf::kHmacSha256 : Prf::kHmacSha512;
}
size_t DigestSizeOf(Prf prf) {
  return prf == Prf::kHmacSha256 ? 32 : 64;
}

class PlainClient : public SaslClient {
 public:
  PlainClient(std::string username, std::string password)
      : username_(std::move(username)), password_(std::move(password)) {}
  ~PlainClient() override { Wipe(&password_); }

  Result<Bytes> Step(ByteView challenge) override {
    if (sent_ || !challenge.empty()) {
      return Status(Code::kProtocol, "SASL PLAIN: the broker sent a challenge");
    }
    sent_ = true;
    Bytes message;
    message.push_back(0);
    Append(message, AsBytes(username_));
    message.push_back(0);
    Append(message, AsBytes(password_));
    return message;
  }
  bool complete() const override { return sent_; }

  static void Wipe(std::string* text) {
    WipeSecret({reinterpret_cast<uint8_t*>(text->data()), text->size()});
  }

 private:
  std::string username_, password_;
  bool sent_ = false;
};

// RFC 5802, section 5.1: ',' and '=' in names are written as =2C and =3D.
std::string EscapeName(const std::string& name) {
  std::string out;
  for (char c : name) {
    if (c == ',') {
      out += "=2C";
    } else if (c == '=') {
      out += "=3D";
    } else {
      out += c;
    }
  }
  return out;
}

// The value of the attribute that must stand next in `*rest` ("r=...,s=..."), or nullopt.
std::optional<std::string_view> TakeAttribute(char name, std::string_view* rest) {
  if (rest->size() < 2 || (*rest)[0] != name || (*rest)[1] != '=') return std::nullopt;
  size_t comma = rest->find(',');
  std::string_view value = rest->substr(2, comma == rest->npos ? rest->npos : comma - 2);
  rest->remove_prefix(comma == rest->npos ? rest->size() : comma + 1);
  return value;
}

class ScramClient : public SaslClient {
 public:
  ScramClient(SaslMechanism mechanism, const std::string& username, std::string password,
              std::string nonce)
      : prf_(PrfOf(mechanism)),
        password_(std::move(password)),
        nonce_(std::move(nonce)),
        client_first_bare_("n=" + EscapeName(username) + ",r=" + nonce_) {}
  ~ScramClient() override {
    PlainClient::Wipe(&password_);
    WipeSecret(server_key_);
  }

  Result<Bytes> Step(ByteView challenge) override {
    switch (state_) {
      case State::kStart:
        state_ = State::kFirstSent;
        return ToBytes(std::string(kGs2Header) + client_first_bare_);
      case State::kFirstSent:
        return Final(AsText(challenge));
      case State::kFinalSent:
        return Verify(AsText(challenge));
      case State::kDone:
        break;
    }
    return ServerBroke("comes after the end of the exchange");
  }
  bool complete() const override { return state_ == State::kDone; }

 private:
  enum class State : uint8_t { kStart, kFirstSent, kFinalSent, kDone };

  static Bytes ToBytes(std::string_view text) {
    ByteView view = AsBytes(text);
    return Bytes(view.begin(), view.end());
  }
  Bytes Hmac(ByteView key, ByteView data) const {
    if (prf_ == Prf::kHmacSha256) {
      auto digest = HmacSha256(key, data);
      return Bytes(digest.begin(), digest.end());
    }
    auto digest = HmacSha512(key, data);
    return Bytes(digest.begin(), digest.end());
  }
  Bytes Hash(ByteView data) const {
    if (prf_ == Prf::kHmacSha256) {
      auto digest = Sha256(data);
      return Bytes(digest.begin(), digest.end());
    }
    auto digest = Sha512(data);
    return Bytes(digest.begin(), digest.end());
  }

  // server-first-message -> client-final-message.
  Result<Bytes> Final(std::string_view server_first) {
    if (server_first.starts_with("e=")) return Refused(server_first.substr(2));
    if (server_first.starts_with("m="))
      return ServerBroke("demands an extension that we do not have");
    std::string_view rest = server_first;
    auto nonce = TakeAttribute('r', &rest);
    auto salt_text = TakeAttribute('s', &rest);
    auto iterations_text = TakeAttribute('i', &rest);
    if (!nonce || !salt_text || !iterations_text)
      return ServerBroke("has no nonce, salt or iteration count");
    if (!nonce->starts_with(nonce_) || nonce->size() == nonce_.size()) {
      return ServerBroke("does not carry our nonce: it is not an answer to us");
    }
    Result<Bytes> salt = Base64Decode(*salt_text);
    if (!salt.ok() || salt->empty()) return ServerBroke("has a salt that is not base64");
    uint32_t iterations = 0;
    const char* end = iterations_text->data() + iterations_text->size();
    auto parsed = std::from_chars(iterations_text->data(), end, iterations);
    if (parsed.ec != std::errc() || parsed.ptr != end || iterations < kScramIterationsMin ||
        iterations > kIterationsMax) {
      return ServerBroke("asks for an iteration count that is not between " +
                         std::to_string(kScramIterationsMin) + " and " +
                         std::to_string(kIterationsMax));
    }
    std::string without_proof = "c=" + std::string(kGs2HeaderBase64) + ",r=" + std::string(*nonce);
    auth_message_ = client_first_bare_ + "," + std::string(server_first) + "," + without_proof;
    state_ = State::kFinalSent;
    return ToBytes(without_proof + ",p=" + Proof(*salt, iterations));
  }

  // ClientProof of RFC 5802, section 3; keeps the server key.
  std::string Proof(ByteView salt, uint32_t iterations) {
    Bytes salted = Pbkdf2(prf_, AsBytes(password_), salt, iterations, DigestSizeOf(prf_));
    Bytes client_key = Hmac(salted, AsBytes("Client Key"));
    Bytes signature = Hmac(Hash(client_key), AsBytes(auth_message_));
    server_key_ = Hmac(salted, AsBytes("Server Key"));
    for (size_t i = 0; i < signature.size(); ++i) signature[i] ^= client_key[i];
    WipeSecret(salted);
    WipeSecret(client_key);
    return Base64Encode(signature);
  }

  Result<Bytes> Verify(std::string_view server_final) {
    if (server_final.starts_with("e=")) return Refused(server_final.substr(2));
    auto signature_text = TakeAttribute('v', &server_final);
    if (!signature_text) return ServerBroke("has no signature");
    Result<Bytes> signature = Base64Decode(*signature_text);
    if (!signature.ok() ||
        !ConstantTimeEqual(*signature, Hmac(server_key_, AsBytes(auth_message_)))) {
      return Status(Code::kAuthentication,
                    "SCRAM: the broker could not prove that it knows this user's password")
          .WithHint("is something in between that pretends to be the broker?");
    }
    state_ = State::kDone;
    return Bytes();
  }

  static Status Refused(std::string_view reason) {
    return Status(Code::kAuthentication, "SCRAM: the broker refused: " + std::string(reason));
  }

  Prf prf_;
  std::string password_;
  std::string nonce_;
  std::string client_first_bare_;
  std::string auth_message_;
  Bytes server_key_;
  State state_ = State::kStart;
};

}  // namespace

bool UsesToken(SaslMechanism mechanism) {
  return mechanism == SaslMechanism::kOAuthBearer || mechanism == SaslMechanism::kAwsMskIam;
}

Result<Bytes> ScramSaltedPassword(SaslMechanism mechanism, std::string_view password, ByteView salt,
                                  uint32_t iterations) {
  if (!IsScram(mechanism)) return Status(Code::kInvalidArgument, "not a mechanism of SCRAM");
  if (password.empty()) return Status(Code::kInvalidArgument, "SCRAM: the password is empty");
  if (iterations < kScramIterationsMin) {
    return Status(Code::kInvalidArgument,
                  "SCRAM: fewer than " + std::to_string(kScramIterationsMin) + " iterations");
  }
  Prf prf = PrfOf(mechanism);
  return Pbkdf2(prf, AsBytes(password), salt, iterations, DigestSizeOf(prf));
}

std::string_view MechanismName(SaslMechanism mechanism) {
  switch (mechanism) {
    case SaslMechanism::kPlain:
      return "PLAIN";
    case SaslMechanism::kScramSha256:
      return "SCRAM-SHA-256";
    case SaslMechanism::kScramSha512:
      return "SCRAM-SHA-512";
    case SaslMechanism::kOAuthBearer:
      return "OAUTHBEARER";
    case SaslMechanism::kAwsMskIam:
      return "AWS_MSK_IAM";
  }
  return "?";
}

// Names and passwords go out as the UTF-8 they are, as Kafka's own client does: it leaves out
// SASLprep (RFC 4013), which changes nothing in printable ASCII, and a client that normalized the
// rest would not match what the broker stored.
Result<std::unique_ptr<SaslClient>> SaslClient::Create(SaslMechanism mechanism,
                                                       const std::string& username,
                                                       const std::string& password) {
  if (UsesToken(mechanism)) {
    return Status(Code::kInternal, "SASL: a token, not a password, is needed");
  }
  if (mechanism != SaslMechanism::kPlain) {
    std::array<uint8_t, kNonceBytes> random;
    MB_RETURN_IF_ERROR(RandomBytes(random));
    return CreateScram(mechanism, username, password, Base64UrlEncode(random));
  }
  if (username.empty()) return Status(Code::kInvalidArgument, "SASL: the user name is empty");
  if ((username + password).find('\0') != std::string::npos) {
    return Status(Code::kInvalidArgument,
                  "SASL PLAIN cannot carry a user name or password with a zero byte");
  }
  return std::unique_ptr<SaslClient>(std::make_unique<PlainClient>(username, password));
}

Result<std::unique_ptr<SaslClient>> SaslClient::CreateScram(SaslMechanism mechanism,
                                                            const std::string& username,
                                                            const std::string& password,
                                                            const std::string& nonce) {
  if (username.empty()) return Status(Code::kInvalidArgument, "SASL: the user name is empty");
  return std::unique_ptr<SaslClient>(
      std::make_unique<ScramClient>(mechanism, username, password, nonce));
}

}  // namespace maxbrod::kafka
