#include "kafka/oauthbearer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "codec/hash.h"

namespace maxbrod::kafka {
namespace {

constexpr char kSeparator = '\x01';
constexpr std::string_view kUnsecured = "unsecuredLogin";

Bytes ToBytes(std::string_view text) {
  ByteView view = AsBytes(text);
  return Bytes(view.begin(), view.end());
}

bool IsTokenCharacter(unsigned char c) {
  return std::isalnum(c) != 0 ||
         std::string_view("-._~+/=").find(static_cast<char>(c)) != std::string_view::npos;
}

// RFC 7628, section 3.1. The value's bytes are those that Kafka's broker takes.
Status CheckExtension(const std::string& name, const std::string& value) {
  bool good_name =
      !name.empty() && name != "auth" &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalpha(c) != 0; });
  bool good_value = !value.empty() && std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return (c >= 0x20 && c <= 0x7e) || c == '\t' || c == '\r' || c == '\n';
  });
  if (good_name && good_value) return Status::Ok();
  return Status(Code::kInvalidArgument, "SASL OAUTHBEARER cannot carry the extension " + name)
      .WithHint("names are letters, other than auth; values printable ASCII");
}

class OAuthBearerClient : public SaslClient {
 public:
  explicit OAuthBearerClient(Bytes first) : first_(std::move(first)) {}
  ~OAuthBearerClient() override { WipeSecret(first_); }

  Result<Bytes> Step(ByteView challenge) override {
    switch (state_) {
      case State::kStart:
        if (!challenge.empty()) break;
        state_ = State::kSent;
        return first_;
      case State::kSent:
        if (challenge.empty()) {
          state_ = State::kDone;
          return Bytes();
        }
        // The server says why it refuses, and fails the exchange after one more byte of ours
        // (RFC 7628, section 3.2.3).
        state_ = State::kRefused;
        return Bytes{kSeparator};
      case State::kRefused:
        return Status(Code::kAuthentication,
                      "the broker refused the token: " + ToString(challenge));
      case State::kDone:
        break;
    }
    return Status(Code::kProtocol, "SASL OAUTHBEARER: the broker sent a challenge out of turn");
  }
  bool complete() const override { return state_ == State::kDone; }

 private:
  enum class State : uint8_t { kStart, kSent, kRefused, kDone };
  Bytes first_;
  State state_ = State::kStart;
};

class MskIamClient : public SaslClient {
 public:
  explicit MskIamClient(Bytes message) : message_(std::move(message)) {}
  ~MskIamClient() override { WipeSecret(message_); }

  Result<Bytes> Step(ByteView challenge) override {
    if (!sent_ && challenge.empty()) {
      sent_ = true;
      return message_;
    }
    if (!sent_ || done_) {
      return Status(Code::kProtocol, "SASL AWS_MSK_IAM: the broker sent a challenge out of turn");
    }
    // {"version":"2020_10_22","request-id":"..."}; nothing else in it concerns us.
    if (AsText(challenge).find("\"2020_10_22\"") == std::string_view::npos) {
      return Status(Code::kProtocol, "SASL AWS_MSK_IAM: the broker's answer is of another version");
    }
    done_ = true;
    return Bytes();
  }
  bool complete() const override { return done_; }

 private:
  Bytes message_;
  bool sent_ = false, done_ = false;
};

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// "|a|b": its first character separates.
std::string JsonList(std::string_view text) {
  std::string out;
  if (text.size() > 1) {
    char separator = text.front();
    for (std::string_view rest = text.substr(1);;) {
      size_t end = rest.find(separator);
      out += (out.empty() ? "" : ",") + JsonString(rest.substr(0, end));
      if (end == rest.npos) break;
      rest.remove_prefix(end + 1);
    }
  }
  return "[" + out + "]";
}

Status BadOption(const std::string& name, const std::string& what) {
  return Status(Code::kInvalidArgument, "sasl.jaas.config: " + name + " " + what);
}

// "123" and "1.5e3"; Java's other spellings (hexadecimal, 1d) are not JSON.
bool IsNumber(const std::string& text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() &&
         (std::isdigit(static_cast<unsigned char>(text.front())) != 0 || text.front() == '-');
}

class UnsecuredTokens : public TokenSource {
 public:
  explicit UnsecuredTokens(Clock& clock) : clock_(clock) {}

  Status Read(const std::map<std::string, std::string>& options) {
    std::string principal = "sub";
    for (const auto& [name, value] : options) {
      if (!name.starts_with(kUnsecured)) continue;
      std::string_view rest = std::string_view(name).substr(kUnsecured.size());
      if (rest == "PrincipalClaimName") principal = value;
    }
    bool has_principal = false;
    for (const auto& [name, value] : options) {
      if (!name.starts_with(kUnsecured)) continue;
      std::string_view rest = std::string_view(name).substr(kUnsecured.size());
      MB_RETURN_IF_ERROR(Option(name, rest, value));
      has_principal = has_principal || (rest == "StringClaim_" + principal && !value.empty());
    }
    if (has_principal) return Status::Ok();
    return BadOption("unsecuredLoginStringClaim_" + principal, "is not there")
        .WithHint(
            "an unsecured token names its principal in that claim; for real tokens set "
            "sasl.login.callback.handler.class");
  }

  Result<SaslToken> Get(const HostPort& /*broker*/, const CallContext& /*context*/) override {
    int64_t now_ms = clock_.WallMillis();
    std::string claims =
        fmt::format("{{\"exp\":{}.{:03},\"iat\":{}.{:03}{}}}", now_ms / 1000 + lifetime_seconds_,
                    now_ms % 1000, now_ms / 1000, now_ms % 1000, claims_);
    return SaslToken{Base64UrlEncode(AsBytes(R"({"alg":"none"})")) + "." +
                         Base64UrlEncode(AsBytes(claims)) + ".",
                     extensions_};
  }

 private:
  Status Option(const std::string& name, std::string_view rest, const std::string& value) {
    auto claim = [&](std::string_view prefix) {
      return rest.starts_with(prefix) ? std::string(rest.substr(prefix.size())) : std::string();
    };
    if (rest == "PrincipalClaimName" || rest == "ScopeClaimName") return Status::Ok();
    if (rest == "LifetimeSeconds") {
      const char* end = value.data() + value.size();
      auto parsed = std::from_chars(value.data(), end, lifetime_seconds_);
      bool good = parsed.ec == std::errc() && parsed.ptr == end && lifetime_seconds_ > 0;
      return good ? Status::Ok() : BadOption(name, "is not a number of seconds");
    }
    if (std::string extension = claim("Extension_"); !extension.empty()) {
      extensions_[extension] = value;
      return CheckExtension(extension, value);
    }
    std::string text = claim("StringClaim_"), number = claim("NumberClaim_"),
                list = claim("ListClaim_");
    for (const std::string& reserved : {text, number, list}) {
      if (reserved == "exp" || reserved == "iat") return BadOption(name, "is set by itself");
    }
    if (!text.empty()) {
      claims_ += "," + JsonString(text) + ":" + JsonString(value);
    } else if (!number.empty()) {
      if (value.empty() || !IsNumber(value)) return BadOption(name, "is not a number");
      claims_ += "," + JsonString(number) + ":" + value;
    } else if (!list.empty()) {
      claims_ += "," + JsonString(list) + ":" + JsonList(value);
    } else {
      return BadOption(name, "is not known");
    }
    return Status::Ok();
  }

  Clock& clock_;
  int64_t lifetime_seconds_ = 3600;
  std::string claims_;
  std::map<std::string, std::string> extensions_;
};

}  // namespace

Result<std::unique_ptr<SaslClient>> MakeOAuthBearerClient(const SaslToken& token) {
  if (token.text.empty() || !std::all_of(token.text.begin(), token.text.end(),
                                         [](unsigned char c) { return IsTokenCharacter(c); })) {
    return Status(Code::kInvalidArgument,
                  "SASL OAUTHBEARER: the token is empty or has characters that no token has");
  }
  std::string message = "n,,";
  message += kSeparator;
  message += "auth=Bearer " + token.text + kSeparator;
  for (const auto& [name, value] : token.extensions) {
    MB_RETURN_IF_ERROR(CheckExtension(name, value));
    message += name + "=" + value + kSeparator;
  }
  message += kSeparator;
  Bytes first = ToBytes(message);
  WipeSecret({reinterpret_cast<uint8_t*>(message.data()), message.size()});
  return std::unique_ptr<SaslClient>(std::make_unique<OAuthBearerClient>(std::move(first)));
}

Result<std::unique_ptr<SaslClient>> MakeMskIamClient(const SaslToken& token) {
  if (token.text.empty()) return Status(Code::kInvalidArgument, "SASL AWS_MSK_IAM: no message");
  return std::unique_ptr<SaslClient>(std::make_unique<MskIamClient>(ToBytes(token.text)));
}

Result<std::shared_ptr<TokenSource>> MakeUnsecuredTokens(
    const std::map<std::string, std::string>& options, Clock& clock) {
  auto tokens = std::make_shared<UnsecuredTokens>(clock);
  MB_RETURN_IF_ERROR(tokens->Read(options));
  return std::shared_ptr<TokenSource>(std::move(tokens));
}

}  // namespace maxbrod::kafka
