#include "os/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "base/limits.h"
#include "os/file.h"
#include "os/pieces_internal.h"
#include "os/resolve_internal.h"

namespace maxbrod {
namespace {

// How long a stop request may go unnoticed by a blocked call.
constexpr Millis kPollSlice{100};

// Owns a descriptor until it is released.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Status Checked(const CallContext& context, std::string_view operation, const std::string& peer) {
  Status status = context.Check();
  if (status.ok()) return status;
  return std::move(status).WithContext(std::string(operation) + " " + peer);
}

// OK as soon as one of `events` (or an error, which the next call will report) is there.
Status Wait(int fd, short events, const CallContext& context, std::string_view operation,
            const std::string& peer) {
  for (;;) {
    MB_RETURN_IF_ERROR(Checked(context, operation, peer));
    Millis slice = std::min(kPollSlice, context.deadline.Remaining() + Millis(1));
    pollfd entry{fd, events, 0};
    int n = ::poll(&entry, 1, static_cast<int>(slice.count()));
    if (n > 0) return Status::Ok();
    if (n < 0 && errno != EINTR) return NetworkStatus(errno, operation, peer);
  }
}

Status SetOption(int fd, int level, int name, int value, const char* what) {
  if (::setsockopt(fd, level, name, &value, sizeof(value)) == 0) return Status::Ok();
  return NetworkStatus(errno, "setsockopt", what);
}

Status SetBuffer(int fd, int name, size_t bytes, const char* what) {
  if (bytes == 0) return Status::Ok();
  return SetOption(fd, SOL_SOCKET, name, static_cast<int>(std::min(bytes, kGiB)), what);
}

// The buffers must be set before connecting, as they decide the window scale.
Status Configure(int fd, const SocketOptions& options) {
  MB_RETURN_IF_ERROR(SetBuffer(fd, SO_RCVBUF, options.receive_buffer_bytes, "SO_RCVBUF"));
  MB_RETURN_IF_ERROR(SetBuffer(fd, SO_SNDBUF, options.send_buffer_bytes, "SO_SNDBUF"));
  MB_RETURN_IF_ERROR(SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"));
  if (!options.keep_alive) return Status::Ok();
  MB_RETURN_IF_ERROR(SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE"));
  MB_RETURN_IF_ERROR(SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60, "TCP_KEEPIDLE"));
  MB_RETURN_IF_ERROR(SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10, "TCP_KEEPINTVL"));
  return SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, 6, "TCP_KEEPCNT");
}

Result<int> ConnectTo(const internal::Address& address, const std::string& peer,
                      const SocketOptions& options, const CallContext& context) {
  Descriptor fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return NetworkStatus(errno, "connect", peer);
  MB_RETURN_IF_ERROR(Configure(fd.get(), options));
  if (::connect(fd.get(), address.get(), address.size) != 0) {
    if (errno != EINPROGRESS && errno != EINTR) return NetworkStatus(errno, "connect", peer);
    MB_RETURN_IF_ERROR(Wait(fd.get(), POLLOUT, context, "connect", peer));
    int error = 0;
    socklen_t size = sizeof(error);
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return NetworkStatus(error, "connect", peer);
  }
  return fd.Release();
}

}  // namespace

std::string HostPort::ToString() const {
  bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<HostPort> ParseHostPort(std::string_view text) {
  const Status bad = Status(Code::kInvalidArgument, "'" + std::string(text) + "' is no host:port")
                         .WithHint("write host:port, or [address]:port for IPv6");
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad;
  std::string_view host = text.substr(0, colon), digits = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad;
  }
  uint16_t port = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (host.empty() || error != std::errc() || end != digits.data() + digits.size() || port == 0) {
    return bad;
  }
  return HostPort{std::string(host), port};
}

Status NetworkStatus(int error, std::string_view operation, std::string_view peer) {
  switch (error) {
    case ETIMEDOUT:
      return Status(Code::kTimeout, ErrnoStatus(error, operation, peer).message()).Retryable();
    case ECONNREFUSED:
      return Status(Code::kUnavailable, ErrnoStatus(error, operation, peer).message())
          .Retryable()
          .WithHint("is it running, and is the port right?");
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case EADDRNOTAVAIL:
      return Status(Code::kUnavailable, ErrnoStatus(error, operation, peer).message()).Retryable();
    case EADDRINUSE:
      return Status(Code::kAlreadyExists, ErrnoStatus(error, operation, peer).message());
    default:
      return ErrnoStatus(error, operation, peer);
  }
}

Result<std::unique_ptr<Socket>> Socket::Connect(const HostPort& peer, const SocketOptions& options,
                                                const CallContext& context) {
  MB_ASSIGN_OR_RETURN(std::vector<internal::Address> addresses,
                      internal::Resolve(peer.host, peer.port, false, context));
  const std::string name = peer.ToString();
  Status failure;
  for (const internal::Address& address : addresses) {
    std::string where = name;
    std::string number = address.ToString();
    if (number != peer.host) where += " (" + number + ")";
    Result<int> fd =
        ConnectTo(address, where, options, context.Within(options.connect_timeout_per_address));
    if (fd.ok()) return std::unique_ptr<Socket>(new Socket(*fd, name));
    // The first failure is told: later addresses are often of a protocol this machine does not
    // have.
    if (failure.ok()) failure = fd.status();
    if (!context.Check().ok()) return fd.status();
  }
  return failure;
}

Result<std::unique_ptr<Socket>> Socket::Adopt(int fd, std::string peer,
                                              const SocketOptions& options) {
  Descriptor owned(fd);
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return NetworkStatus(errno, "fcntl", peer);
  }
  MB_RETURN_IF_ERROR(Configure(fd, options));
  return std::unique_ptr<Socket>(new Socket(owned.Release(), std::move(peer)));
}

Socket::~Socket() {
  ::close(fd_);
}

void Socket::Close() {
  ::shutdown(fd_, SHUT_RDWR);
}

Status Socket::WaitReadable(const CallContext& context) {
  return Wait(fd_, POLLIN, context, "read from", peer_);
}

Status Socket::WaitWritable(const CallContext& context) {
  return Wait(fd_, POLLOUT, context, "write to", peer_);
}

Result<size_t> Socket::ReadSome(MutableByteView out, const CallContext& context) {
  MB_CHECK(!out.empty());
  for (;;) {
    MB_RETURN_IF_ERROR(Checked(context, "read from", peer_));
    ssize_t n = ::recv(fd_, out.data(), std::min(out.size(), kGiB), 0);
    if (n > 0) return static_cast<size_t>(n);
    if (n == 0) {
      return Status(Code::kUnavailable, "read from " + peer_ + ": the peer closed the connection")
          .Retryable();
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return NetworkStatus(errno, "read from", peer_);
    MB_RETURN_IF_ERROR(WaitReadable(context));
  }
}

Status Socket::WriteAll(std::span<const ByteView> pieces, const CallContext& context) {
  internal::PieceCursor cursor(pieces);
  while (!cursor.done()) {
    MB_RETURN_IF_ERROR(Checked(context, "write to", peer_));
    iovec iov[internal::PieceCursor::kPiecesMax];
    msghdr message{};
    message.msg_iov = iov;
    message.msg_iovlen = cursor.Fill(iov);
    ssize_t n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (n >= 0) {
      cursor.Advance(static_cast<size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return NetworkStatus(errno, "write to", peer_);
    MB_RETURN_IF_ERROR(WaitWritable(context));
  }
  return Status::Ok();
}

Result<std::unique_ptr<Listener>> Listener::Bind(const std::string& host, uint16_t port) {
  MB_ASSIGN_OR_RETURN(std::vector<internal::Address> addresses,
                      internal::Resolve(host, port, true, CallContext{}));
  const internal::Address& address = addresses.front();
  const std::string name = HostPort{host, port}.ToString();
  Descriptor fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return NetworkStatus(errno, "listen on", name);
  MB_RETURN_IF_ERROR(SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"));
  if (::bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), 128) != 0) {
    return NetworkStatus(errno, "listen on", name);
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return NetworkStatus(errno, "listen on", name);
  }
  // The port stands at the same place in both families.
  uint16_t bound_port = ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
  return std::unique_ptr<Listener>(new Listener(fd.Release(), bound_port));
}

Listener::~Listener() {
  ::close(fd_);
}

Result<std::unique_ptr<Socket>> Listener::Accept(const CallContext& context) {
  const std::string name = "port " + std::to_string(port_);
  for (;;) {
    internal::Address address;
    address.size = sizeof(address.storage);
    int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&address.storage), &address.size,
                       SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      uint16_t port = ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
      return Socket::Adopt(fd, HostPort{address.ToString(), port}.ToString(), SocketOptions{});
    }
    // A client that gave up while it was waiting is no failure of the listener.
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return NetworkStatus(errno, "accept on", name);
    MB_RETURN_IF_ERROR(Wait(fd_, POLLIN, context, "accept on", name));
  }
}

}  // namespace maxbrod
