// TCP: connecting, listening, and a Transport over a plain socket.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "os/deadline.h"
#include "os/transport.h"

namespace maxbrod {

struct HostPort {
  std::string host;  // name, IPv4 or IPv6 address (without brackets)
  uint16_t port = 0;
  auto operator<=>(const HostPort&) const = default;
  // "host:port"; an IPv6 address in brackets.
  std::string ToString() const;
};
// "host:port" or "[v6]:port"; kInvalidArgument.
Result<HostPort> ParseHostPort(std::string_view text);

struct SocketOptions {
  size_t receive_buffer_bytes =
      0;                         // SO_RCVBUF; 0 leaves it to the kernel, which grows it as needed
  size_t send_buffer_bytes = 0;  // SO_SNDBUF
  bool keep_alive = true;        // probes after 60 s of silence: finds peers that vanished
  // How long one address may take before the next is tried (socket.connection.setup.timeout.ms).
  Millis connect_timeout_per_address{10'000};
};

// See Transport for threads and errors.
class Socket : public Transport {
 public:
  // Resolves the name and tries its addresses one after the other. Nobody there, or an unknown
  // name, is kUnavailable (retryable). Nagle's algorithm is switched off.
  static Result<std::unique_ptr<Socket>> Connect(const HostPort& peer, const SocketOptions& options,
                                                 const CallContext& context);
  // Takes over a connected descriptor and makes it non-blocking.
  static Result<std::unique_ptr<Socket>> Adopt(int fd, std::string peer,
                                               const SocketOptions& options);
  ~Socket() override;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  Result<size_t> ReadSome(MutableByteView out, const CallContext& context) override;
  using Transport::WriteAll;
  Status WriteAll(std::span<const ByteView> pieces, const CallContext& context) override;
  void Close() override;
  const std::string& peer() const override { return peer_; }

  // Non-blocking; stays the socket's.
  int fd() const { return fd_; }
  // Waits until the descriptor can be read (or written); for protocols on top of it.
  Status WaitReadable(const CallContext& context);
  Status WaitWritable(const CallContext& context);

 private:
  Socket(int fd, std::string peer) : fd_(fd), peer_(std::move(peer)) {}

  const int fd_;
  const std::string peer_;
};

// Thread-safe.
class Listener {
 public:
  // `port` 0 takes a free one. An address in use is kAlreadyExists.
  static Result<std::unique_ptr<Listener>> Bind(const std::string& host, uint16_t port);
  static Result<std::unique_ptr<Listener>> BindLoopback(uint16_t port = 0) {
    return Bind("127.0.0.1", port);
  }
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  Result<std::unique_ptr<Socket>> Accept(const CallContext& context);
  uint16_t port() const { return port_; }

 private:
  Listener(int fd, uint16_t port) : fd_(fd), port_(port) {}

  const int fd_;
  const uint16_t port_;
};

// The Status for an errno value of a network call: refused, reset, unreachable are kUnavailable,
// ETIMEDOUT kTimeout, both retryable.
Status NetworkStatus(int error, std::string_view operation, std::string_view peer);

}  // namespace maxbrod
