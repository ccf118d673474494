#include "aws/curl_transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/limits.h"

namespace maxbrod::aws {
namespace {

constexpr size_t kHeaderBytesMax = 256 * kKiB;
// An error's text may be so long even where a small object is asked for.
constexpr size_t kErrorBodyMin = 64 * kKiB;

std::string_view Trim(std::string_view text) {
  size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<uint64_t> ParseLength(std::string_view text) {
  uint64_t length = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return length;
}

}  // namespace

Transfer::Transfer(const HttpRequest& request)
    : request_(request), moved_at_(std::chrono::steady_clock::now()) {
  for (ByteView piece : request.body) body_bytes_ += piece.size();
}

Millis Transfer::QuietFor() const {
  return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - moved_at_);
}

std::string Transfer::Host() const {
  std::string_view url = request_.url;
  size_t end = url.find_first_of("/?", std::min(url.find("://"), url.size() - 1) + 3);
  return std::string(url.substr(0, end));
}

size_t Transfer::OnRead(char* out, size_t size, size_t count, void* self) {
  auto& t = *static_cast<Transfer*>(self);
  const std::vector<ByteView>& body = t.request_.body;
  t.moved_at_ = std::chrono::steady_clock::now();
  size_t room = size * count;
  size_t done = 0;
  while (done < room && t.piece_ < body.size()) {
    ByteView rest = body[t.piece_].subspan(t.piece_offset_);
    size_t now = std::min(rest.size(), room - done);
    if (now > 0) std::memcpy(out + done, rest.data(), now);
    done += now;
    t.piece_offset_ += now;
    if (t.piece_offset_ == body[t.piece_].size()) {
      ++t.piece_;
      t.piece_offset_ = 0;
    }
  }
  return done;
}

int Transfer::OnSeek(void* self, curl_off_t offset, int origin) {
  auto& t = *static_cast<Transfer*>(self);
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
  auto left = static_cast<uint64_t>(offset);
  t.piece_ = 0;
  while (t.piece_ < t.request_.body.size() && left >= t.request_.body[t.piece_].size()) {
    left -= t.request_.body[t.piece_++].size();
  }
  if (t.piece_ == t.request_.body.size() && left > 0) return CURL_SEEKFUNC_FAIL;
  t.piece_offset_ = static_cast<size_t>(left);
  return CURL_SEEKFUNC_OK;
}

size_t Transfer::OnHeader(char* data, size_t size, size_t count, void* self) {
  auto& t = *static_cast<Transfer*>(self);
  size_t bytes = size * count;
  t.moved_at_ = std::chrono::steady_clock::now();
  return t.TakeHeaderLine(std::string_view(data, bytes)) ? bytes : 0;
}

size_t Transfer::OnWrite(char* data, size_t size, size_t count, void* self) {
  auto& t = *static_cast<Transfer*>(self);
  size_t bytes = size * count;
  t.moved_at_ = std::chrono::steady_clock::now();
  return t.TakeBody(AsBytes(std::string_view(data, bytes))) ? bytes : 0;
}

bool Transfer::Refuse(std::string_view what) {
  refused_ = Status(Code::kProtocol, std::string(what));
  return false;
}

bool Transfer::TakeHeaderLine(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kHeaderBytesMax) return Refuse("the answer's headers do not end");
  if (line.starts_with("HTTP/")) {  // a later one follows an interim answer (100 Continue)
    response_ = HttpResponse();
    size_t blank = line.find(' ');
    std::string_view digits = blank == std::string_view::npos ? "" : line.substr(blank + 1, 3);
    std::from_chars(digits.data(), digits.data() + digits.size(), response_.status);
    return true;
  }
  if (Trim(line).empty()) return EndHeaders();
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  HttpHeader header{std::string(line.substr(0, colon)), std::string(Trim(line.substr(colon + 1)))};
  for (char& c : header.name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  response_.headers.push_back(std::move(header));
  return true;
}

size_t Transfer::BodyMax() const {
  if (!response_.ok()) return std::max(request_.body_max, kErrorBodyMin);
  return request_.into.empty() ? request_.body_max : request_.into.size();
}

bool Transfer::EndHeaders() {
  if (request_.method == "HEAD" || response_.status < 200) return true;
  std::optional<uint64_t> length = ParseLength(response_.Header("content-length"));
  if (!length) return true;
  if (*length > BodyMax()) {
    return Refuse(
        fmt::format("the answer has {} bytes, at most {} were expected", *length, BodyMax()));
  }
  if (!response_.ok() || request_.into.empty()) {
    response_.body.reserve(static_cast<size_t>(*length));
  }
  return true;
}

bool Transfer::TakeBody(ByteView data) {
  bool into = response_.ok() && !request_.into.empty();
  size_t have = into ? response_.into_bytes : response_.body.size();
  if (data.size() > BodyMax() - have) {
    return Refuse(fmt::format("the answer has more than the {} bytes expected", BodyMax()));
  }
  if (into) {
    std::memcpy(request_.into.data() + have, data.data(), data.size());
    response_.into_bytes += data.size();
  } else {
    Append(response_.body, data);
  }
  return true;
}

}  // namespace maxbrod::aws
