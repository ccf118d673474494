#include "base/status.h"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace maxbrod {
namespace {

// The one table of error codes. Exit codes are part of the interface: never renumber.
constexpr std::array kCodes = {
    CodeInfo{Code::kOk, "ok", 0, "success"},
    CodeInfo{Code::kInvalidArgument, "invalid_argument", 2, "wrong flags or values"},
    CodeInfo{Code::kNotFound, "not_found", 3, "something named does not exist"},
    CodeInfo{Code::kAlreadyExists, "already_exists", 4,
             "would overwrite something; nothing was changed"},
    CodeInfo{Code::kConflict, "conflict", 5, "somebody else changed it at the same time"},
    CodeInfo{Code::kUnavailable, "unavailable", 6,
             "a broker or store cannot be reached, or data is in cold storage"},
    CodeInfo{Code::kTimeout, "timeout", 7, "a deadline passed"},
    CodeInfo{Code::kAuthentication, "authentication", 8,
             "user, password or certificate not accepted"},
    CodeInfo{Code::kPermission, "permission", 9, "a right is missing (ACL, file mode)"},
    CodeInfo{Code::kTls, "tls", 10, "TLS handshake or certificate trouble"},
    CodeInfo{Code::kProtocol, "protocol", 11, "the peer's answer breaks the protocol"},
    CodeInfo{Code::kCorrupt, "corrupt", 12, "stored bytes are damaged"},
    CodeInfo{Code::kOutOfSpace, "out_of_space", 13, "disk or quota full"},
    CodeInfo{Code::kReadOnly, "read_only", 14, "the target does not take writes"},
    CodeInfo{Code::kIo, "io", 15, "operating-system failure"},
    CodeInfo{Code::kUnsupported, "unsupported", 16,
             "a version, format or feature that is not supported"},
    CodeInfo{Code::kBroker, "broker", 17, "a broker answered with an error"},
    CodeInfo{Code::kOffsetMismatch, "offset_mismatch", 18,
             "the target's log is not where the plan says"},
    CodeInfo{Code::kDifferent, "different", 19, "verify or diff found differences"},
    CodeInfo{Code::kIncomplete, "incomplete", 20,
             "something named was left out, or is not there yet"},
    CodeInfo{Code::kCancelled, "cancelled", 130, "stopped by Ctrl-C or SIGTERM"},
    CodeInfo{Code::kInternal, "internal", 70, "a bug in maxbrod"},
};

const std::string kEmpty;
const std::string kOkText = "ok";

}  // namespace

const CodeInfo& InfoOf(Code code) {
  for (const CodeInfo& info : kCodes) {
    if (info.code == code) return info;
  }
  return kCodes.back();
}

Status::Status(Code code, std::string message) {
  if (code == Code::kOk) return;
  auto rep = std::make_shared<Rep>();
  rep->code = code;
  rep->message = std::move(message);
  rep_ = std::move(rep);
}

Status::Rep* Status::Own() {
  auto rep = std::make_shared<Rep>(*rep_);
  Rep* raw = rep.get();
  rep_ = std::move(rep);
  return raw;
}

const std::string& Status::message() const {
  return rep_ ? rep_->message : kOkText;
}
const std::string& Status::hint() const {
  return rep_ ? rep_->hint : kEmpty;
}

Status Status::Retryable(bool value) && {
  if (rep_) Own()->retryable = value;
  return std::move(*this);
}

Status Status::WithHint(std::string hint) && {
  if (rep_) Own()->hint = std::move(hint);
  return std::move(*this);
}

Status Status::WithKafkaError(int16_t code) && {
  if (rep_) Own()->kafka_error = code;
  return std::move(*this);
}

Status Status::WithContext(std::string_view context) && {
  if (rep_) {
    Rep* rep = Own();
    rep->message = std::string(context) + ": " + rep->message;
  }
  return std::move(*this);
}

Status Status::WithContext(std::string_view context) const& {
  return Status(*this).WithContext(context);
}

std::string Status::ToString() const {
  return message();
}

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "maxbrod: internal error at %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace maxbrod
