// One request on its way through libcurl: what its callbacks read and fill. Only for curl_http.cc.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "aws/http.h"

namespace maxbrod::aws {

// Used by one thread. The request must outlive it.
class Transfer {
 public:
  explicit Transfer(const HttpRequest& request);

  // libcurl's callbacks; `self` is the Transfer.
  static size_t OnRead(char* out, size_t size, size_t count, void* self);
  static int OnSeek(void* self, curl_off_t offset, int origin);
  static size_t OnHeader(char* data, size_t size, size_t count, void* self);
  static size_t OnWrite(char* data, size_t size, size_t count, void* self);

  uint64_t body_bytes() const { return body_bytes_; }
  // Time since a byte was last given to, or taken from, the peer (or since the beginning).
  Millis QuietFor() const;
  // Not OK when we broke the transfer off because of what came.
  const Status& refused() const { return refused_; }
  HttpResponse TakeResponse() { return std::move(response_); }
  // Of the URL, for messages.
  std::string Host() const;

  char error_text[CURL_ERROR_SIZE] = {};

 private:
  bool TakeHeaderLine(std::string_view line);
  bool EndHeaders();
  bool TakeBody(ByteView data);
  // How long the body may be, by what the status is.
  size_t BodyMax() const;
  bool Refuse(std::string_view what);

  const HttpRequest& request_;
  uint64_t body_bytes_ = 0;
  size_t piece_ = 0;  // of the request's body: where reading goes on
  size_t piece_offset_ = 0;
  size_t header_bytes_ = 0;
  HttpResponse response_;
  Status refused_;
  std::chrono::steady_clock::time_point moved_at_;
};

}  // namespace maxbrod::aws
