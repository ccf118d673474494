// Just enough of Kafka's protocol for the raw programs: a blocking connection, fixed API versions,
// no error handling beyond giving up. Header only; shares nothing with maxbrod.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace raw {

[[noreturn]] inline void Die(const std::string& what) {
  std::fprintf(stderr, "raw: %s\n", what.c_str());
  std::exit(1);
}

template <typename T>
T Get(const char* p) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>((value << 8) | static_cast<unsigned char>(p[i]));
  return value;
}

template <typename T>
void Put(std::string& out, T value) {
  for (size_t i = sizeof(T); i > 0; --i) out.push_back(static_cast<char>(value >> (8 * (i - 1))));
}

inline void PutString(std::string& out, const std::string& text) {
  Put<uint16_t>(out, static_cast<uint16_t>(text.size()));
  out += text;
}

// api key, version, correlation id, client id "raw" (request header v1).
inline std::string Header(uint16_t api, uint16_t version) {
  std::string out;
  Put<uint16_t>(out, api);
  Put<uint16_t>(out, version);
  Put<uint32_t>(out, 1);
  PutString(out, "raw");
  return out;
}

inline int Connect(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    Die("cannot connect");
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

inline void WriteAll(int fd, std::vector<iovec> pieces) {
  size_t first = 0;
  while (first < pieces.size()) {
    ssize_t n =
        writev(fd, &pieces[first], static_cast<int>(std::min<size_t>(pieces.size() - first, 1024)));
    if (n <= 0) Die("write failed");
    size_t left = static_cast<size_t>(n);
    while (first < pieces.size() && left >= pieces[first].iov_len) left -= pieces[first++].iov_len;
    if (first < pieces.size()) {
      pieces[first].iov_base = static_cast<char*>(pieces[first].iov_base) + left;
      pieces[first].iov_len -= left;
    }
  }
}

inline void ReadAll(int fd, char* out, size_t size) {
  while (size > 0) {
    ssize_t n = read(fd, out, size);
    if (n <= 0) Die("the broker closed the connection");
    out += n;
    size -= static_cast<size_t>(n);
  }
}

// A response without its length and correlation id, in a buffer that only grows.
class Response {
 public:
  void Read(int fd) {
    char size_bytes[4];
    ReadAll(fd, size_bytes, 4);
    size_ = Get<uint32_t>(size_bytes);
    if (size_ > capacity_) {
      std::free(buffer_);
      capacity_ = size_ + size_ / 4;
      buffer_ = static_cast<char*>(std::malloc(capacity_));
    }
    ReadAll(fd, buffer_, size_);
  }
  const char* data() const { return buffer_ + 4; }
  ~Response() { std::free(buffer_); }

 private:
  char* buffer_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
};

inline std::string Framed(const std::string& body, size_t more) {
  std::string out;
  Put<uint32_t>(out, static_cast<uint32_t>(body.size() + more));
  return out + body;
}

}  // namespace raw
