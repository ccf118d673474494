// Status and Result<T>: how every fallible function of maxbrod reports failure.
//
// An error carries a code (one table, status.cc: name, process exit code, meaning), whether trying
// again can help, a message for people that grows context on its way up, and a hint with the next
// step. Exceptions never cross a module's border. Both types are values: copyable, no shared state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace maxbrod {

enum class Code : uint8_t {
  kOk = 0,
  kInvalidArgument,  // what the user asked for makes no sense
  kNotFound,         // object, topic, snapshot, file: not there
  kAlreadyExists,    // would overwrite something
  kConflict,         // somebody else changed it meanwhile
  kUnavailable,      // peer not reachable or not ready
  kTimeout,          // deadline passed
  kAuthentication,   // who we are was not accepted (password, certificate)
  kPermission,       // who we are may not do this
  kTls,              // TLS handshake or certificate trouble
  kProtocol,         // the peer's bytes break the protocol
  kCorrupt,          // stored bytes are not what was written
  kOutOfSpace,       // disk or quota full
  kReadOnly,         // the target does not take writes
  kIo,               // other operating-system failure
  kUnsupported,      // a version, format or feature we or the peer do not have
  kBroker,           // a Kafka error code that has no better class
  kOffsetMismatch,   // the target's log is not where the plan says
  kDifferent,        // verify found differences
  kIncomplete,       // done, but something named was left out or needs attention
  kCancelled,        // stopped by the user
  kInternal,         // our bug
};

// Everything fixed about a code. `name` is stable (JSON), `exit_code` is documented in
// docs/reference.md.
struct CodeInfo {
  Code code;
  std::string_view name;
  int exit_code;
  std::string_view meaning;
};
const CodeInfo& InfoOf(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message);

  static Status Ok() { return Status(); }

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ ? rep_->code : Code::kOk; }
  const std::string& message() const;
  const std::string& hint() const;
  bool retryable() const { return rep_ && rep_->retryable; }
  // The Kafka protocol error code behind this status, 0 where there is none.
  int16_t kafka_error() const { return rep_ ? rep_->kafka_error : int16_t{0}; }

  // Each returns the changed status, so that they chain. On an OK status they do nothing.
  Status Retryable(bool value = true) &&;
  Status WithHint(std::string hint) &&;
  Status WithKafkaError(int16_t code) &&;
  // Prefixes the message: "context: message".
  Status WithContext(std::string_view context) &&;
  Status WithContext(std::string_view context) const&;

  // "message" or, on OK, "ok". The hint is not part of it.
  std::string ToString() const;

 private:
  struct Rep {
    Code code = Code::kOk;
    bool retryable = false;
    int16_t kafka_error = 0;
    std::string message;
    std::string hint;
  };
  Rep* Own();
  std::shared_ptr<const Rep> rep_;
};

// A value or a non-OK Status.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<1>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Status status);                                     // NOLINT: implicit by design

  bool ok() const { return state_.index() == 1; }
  // The status; OK when there is a value.
  Status status() const { return ok() ? Status() : std::get<0>(state_); }
  T& value() & { return std::get<1>(state_); }
  const T& value() const& { return std::get<1>(state_); }
  T&& value() && { return std::get<1>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<Status, T> state_;
};

// Aborts with file, line and message: for our own bugs only, never for bytes from outside.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

#define MB_CHECK(condition)                                                   \
  do {                                                                        \
    if (!(condition)) ::maxbrod::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (false)

template <typename T>
Result<T>::Result(Status status) : state_(std::in_place_index<0>, std::move(status)) {
  MB_CHECK(!std::get<0>(state_).ok());
}

#define MB_CONCAT_INNER(a, b) a##b
#define MB_CONCAT(a, b) MB_CONCAT_INNER(a, b)

#define MB_RETURN_IF_ERROR(expression)          \
  do {                                          \
    ::maxbrod::Status mb_status = (expression); \
    if (!mb_status.ok()) return mb_status;      \
  } while (false)

// MB_ASSIGN_OR_RETURN(auto x, F()): x = value, or returns the error.
#define MB_ASSIGN_OR_RETURN(target, expression) \
  MB_ASSIGN_OR_RETURN_IMPL(MB_CONCAT(mb_result_, __LINE__), target, expression)
#define MB_ASSIGN_OR_RETURN_IMPL(result, target, expression) \
  auto result = (expression);                                \
  if (!result.ok()) return result.status();                  \
  target = std::move(result).value()

}  // namespace maxbrod
