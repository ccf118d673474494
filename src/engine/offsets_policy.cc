#include <cstdlib>

#include "base/user_time.h"
#include "engine/restore_plan.h"

namespace maxbrod::engine {
namespace {

Status Refuse(const std::string& text) {
  return Status(Code::kInvalidArgument, "'" + text + "' is no offsets policy")
      .WithHint(
          "auto, exact or dense, for some topics TOPIC=MODE, e.g. --offsets 'events-*=dense'");
}

Result<OffsetsMode> ModeOf(const std::string& name, const std::string& text) {
  if (name == "auto") return OffsetsMode::kAuto;
  if (name == "exact") return OffsetsMode::kExact;
  if (name == "dense") return OffsetsMode::kDense;
  return Refuse(text);
}

}  // namespace

const char* OffsetsModeName(OffsetsMode mode) {
  switch (mode) {
    case OffsetsMode::kAuto:
      return "auto";
    case OffsetsMode::kExact:
      return "exact";
    case OffsetsMode::kDense:
      break;
  }
  return "dense";
}

Status OffsetsPolicy::ParseMode(const std::string& text) {
  size_t equals = text.rfind('=');
  if (equals == std::string::npos) {
    MB_ASSIGN_OR_RETURN(mode, ModeOf(text, text));
    return Status::Ok();
  }
  MB_ASSIGN_OR_RETURN(NamePattern pattern, NamePattern::Parse(text.substr(0, equals)));
  MB_ASSIGN_OR_RETURN(OffsetsMode wanted, ModeOf(text.substr(equals + 1), text));
  topics.emplace_back(std::move(pattern), wanted);
  return Status::Ok();
}

Status OffsetsPolicy::ParsePadLimit(const std::string& text) {
  char* end = nullptr;
  unsigned long long number = std::strtoull(text.c_str(), &end, 10);
  std::string unit = end == nullptr ? "" : end;
  bool digits = !text.empty() && text[0] >= '0' && text[0] <= '9';
  pad_limit_offsets = 0;
  pad_limit_seconds = 0;
  if (digits && unit.empty()) {
    pad_limit_offsets = number;
    return Status::Ok();
  }
  auto millis = ParseUserDuration(text);
  if (!millis.ok() || *millis == 0) {
    return Status(Code::kInvalidArgument, "'" + text + "' is no limit for padding")
        .WithHint("an amount of offsets (5000000), or a time: 90s, 30m, 2h");
  }
  pad_limit_seconds = static_cast<double>(*millis) / 1000;
  return Status::Ok();
}

OffsetsMode OffsetsPolicy::For(const std::string& topic) const {
  for (const auto& [pattern, wanted] : topics) {
    if (pattern.Matches(topic)) return wanted;
  }
  return mode;
}

std::string OffsetsPolicy::Text() const {
  std::string text = OffsetsModeName(mode);
  for (const auto& [pattern, wanted] : topics)
    text += "," + pattern.text() + "=" + OffsetsModeName(wanted);
  return text + (append ? ",append" : "");
}

}  // namespace maxbrod::engine
