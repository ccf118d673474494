// A Transport that drives one OpenSSL connection over a non-blocking socket.
#include <openssl/bio.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "os/tls_internal.h"

namespace maxbrod::internal {
namespace {

// The plaintext of one TLS record. Smaller pieces are gathered up to it, so that a small header
// does not cost a record and a system call.
constexpr size_t kRecordSize = 16 * 1024;

// A BIO over a non-blocking socket. OpenSSL's own uses write(2), which raises SIGPIPE.
int LinkWrite(BIO* bio, const char* data, int size) {
  auto* link = static_cast<TlsLink*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t n = ::send(link->fd, data, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (n >= 0) return static_cast<int>(n);
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    BIO_set_retry_write(bio);
  } else {
    link->error = errno;
  }
  return -1;
}

int LinkRead(BIO* bio, char* out, int size) {
  auto* link = static_cast<TlsLink*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t n = ::recv(link->fd, out, static_cast<size_t>(size), 0);
  if (n > 0) {
    link->notes.bytes_received = true;
    return static_cast<int>(n);
  }
  if (n == 0) {
    link->ended = true;
    return 0;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    BIO_set_retry_read(bio);
  } else {
    link->error = errno;
  }
  return -1;
}

long LinkControl(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return static_cast<const TlsLink*>(BIO_get_data(bio))->ended ? 1 : 0;
    default:
      return 0;
  }
}

const BIO_METHOD* LinkMethod() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "maxbrod socket");
    MB_CHECK(made != nullptr);
    BIO_meth_set_write(made, LinkWrite);
    BIO_meth_set_read(made, LinkRead);
    BIO_meth_set_ctrl(made, LinkControl);
    return made;
  }();
  return method;
}

// The first error in the queue is an alert the peer sent.
bool IsAlert() {
  unsigned long error = ERR_peek_error();
  return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET;
}

}  // namespace

Result<std::unique_ptr<TlsTransport>> TlsTransport::Make(SSL_CTX* context, bool have_certificate,
                                                         std::unique_ptr<Socket> socket) {
  ERR_clear_error();
  auto link = std::make_unique<TlsLink>();
  link->fd = socket->fd();
  link->notes.have_certificate = have_certificate;
  SslPtr ssl(SSL_new(context));
  BIO* bio = BIO_new(LinkMethod());
  if (!ssl || bio == nullptr) {
    BIO_free(bio);
    return Status(Code::kTls, "SSL_new: " + TakeOpensslReason());
  }
  BIO_set_data(bio, link.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_app_data(ssl.get(), link.get());
  return std::unique_ptr<TlsTransport>(
      new TlsTransport(std::move(socket), std::move(link), std::move(ssl)));
}

// Repeats `step` (1 is success) until it is done, waiting for the socket in between. OpenSSL's
// object is not thread-safe, so the mutex is held during a step, which never blocks, but not while
// waiting.
template <typename Step>
Status TlsTransport::Drive(const char* operation, const CallContext& context, Step step) {
  for (;;) {
    Status status = context.Check();
    if (!status.ok()) {
      return std::move(status).WithContext(std::string(operation) + " " + peer());
    }
    int wanted = SSL_ERROR_NONE;
    {
      std::lock_guard lock(mutex_);
      if (closed_) {
        return Status(Code::kUnavailable,
                      std::string(operation) + " " + peer() + ": the connection is closed")
            .Retryable();
      }
      ERR_clear_error();
      int result = step();
      if (result == 1) return Status::Ok();
      wanted = SSL_get_error(ssl_.get(), result);
      if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) {
        return Failure(operation, wanted);
      }
    }
    MB_RETURN_IF_ERROR(wanted == SSL_ERROR_WANT_READ ? socket_->WaitReadable(context)
                                                     : socket_->WaitWritable(context));
  }
}

Status TlsTransport::Handshake(const CallContext& context) {
  return Drive("TLS handshake with", context, [&] { return SSL_do_handshake(ssl_.get()); });
}

Result<size_t> TlsTransport::ReadSome(MutableByteView out, const CallContext& context) {
  MB_CHECK(!out.empty());
  size_t n = 0;
  MB_RETURN_IF_ERROR(Drive("read from", context,
                           [&] { return SSL_read_ex(ssl_.get(), out.data(), out.size(), &n); }));
  return n;
}

Status TlsTransport::WriteRecords(ByteView bytes, const CallContext& context) {
  while (!bytes.empty()) {
    size_t n = 0;
    MB_RETURN_IF_ERROR(Drive("write to", context, [&] {
      return SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n);
    }));
    bytes = bytes.subspan(n);
  }
  return Status::Ok();
}

Status TlsTransport::WriteAll(std::span<const ByteView> pieces, const CallContext& context) {
  gathered_.clear();
  for (ByteView piece : pieces) {
    while (!piece.empty()) {
      if (gathered_.empty() && piece.size() >= kRecordSize) {
        MB_RETURN_IF_ERROR(WriteRecords(piece, context));
        break;
      }
      size_t n = std::min(piece.size(), kRecordSize - gathered_.size());
      Append(gathered_, piece.first(n));
      piece = piece.subspan(n);
      if (gathered_.size() == kRecordSize) {
        MB_RETURN_IF_ERROR(WriteRecords(gathered_, context));
        gathered_.clear();
      }
    }
  }
  return WriteRecords(gathered_, context);
}

void TlsTransport::Close() {
  std::lock_guard lock(mutex_);
  if (closed_) return;
  closed_ = true;
  // Says goodbye without waiting for the answer. After a failure OpenSSL does not allow it.
  if (!failed_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
  ERR_clear_error();
  socket_->Close();
}

// With the mutex held, OpenSSL's error queue being that of the failed step.
Status TlsTransport::Failure(const std::string& operation, int wanted) {
  bool finished = SSL_is_init_finished(ssl_.get());
  bool silent = !finished && !link_->notes.bytes_received;
  failed_ = true;
  if (wanted == SSL_ERROR_ZERO_RETURN || (link_->ended && !IsAlert())) {
    ERR_clear_error();
    return Ended(operation, silent);
  }
  if (link_->error != 0) {
    int error = std::exchange(link_->error, 0);
    ERR_clear_error();
    // The peer may have said why before it cut the line (a refused client certificate in TLS 1.3).
    uint8_t byte;
    size_t n = 0;
    if (finished && SSL_read_ex(ssl_.get(), &byte, 1, &n) != 1 && IsAlert()) {
      return TlsStatus(link_->notes, operation, peer());
    }
    ERR_clear_error();
    return silent ? Ended(operation, silent) : NetworkStatus(error, operation, peer());
  }
  return TlsStatus(link_->notes, operation, peer());
}

// `silent`: the peer hung up without a byte during the handshake.
Status TlsTransport::Ended(const std::string& operation, bool silent) {
  Status status =
      Status(Code::kUnavailable, operation + " " + peer() + ": the peer closed the connection")
          .Retryable();
  // A Kafka broker takes a TLS hello for a request of absurd size and hangs up.
  if (!silent) return status;
  return std::move(status).WithHint(
      "is this a PLAINTEXT listener? Check the port and security.protocol");
}

}  // namespace maxbrod::internal
