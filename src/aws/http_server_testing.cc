#include "aws/http_server_testing.h"

#include <fmt/format.h>

#include <cctype>
#include <sstream>

namespace maxbrod::aws {
namespace {

// Reads up to and with `mark`; what came behind it stays in `buffer`.
bool ReadUntil(Transport& stream, std::string_view mark, const CallContext& context,
               std::string* buffer, std::string* out) {
  while (true) {
    size_t at = buffer->find(mark);
    if (at != std::string::npos) {
      *out = buffer->substr(0, at);
      buffer->erase(0, at + mark.size());
      return true;
    }
    uint8_t chunk[65536];
    Result<size_t> n = stream.ReadSome(chunk, context);
    if (!n.ok()) return false;
    buffer->append(AsText(ByteView(chunk, *n)));
  }
}

ServedRequest ParseHead(const std::string& head) {
  ServedRequest request;
  std::istringstream in(head);
  std::string line;
  std::getline(in, line);
  std::istringstream(line) >> request.method >> request.target;
  while (std::getline(in, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    size_t value = line.find_first_not_of(' ', colon + 1);
    request.headers[name] = value == std::string::npos ? "" : line.substr(value);
  }
  return request;
}

}  // namespace

HttpServerForTests::HttpServerForTests(ServeRequest serve, std::shared_ptr<const TlsContext> tls)
    : serve_(std::move(serve)), tls_(std::move(tls)) {
  auto listener = Listener::BindLoopback();
  MB_CHECK(listener.ok());
  listener_ = std::move(listener).value();
  acceptor_ = std::jthread([this] { AcceptAll(); });
}

HttpServerForTests::~HttpServerForTests() {
  stop_.request_stop();
  acceptor_.join();
  threads_.clear();
}

std::string HttpServerForTests::url() const {
  return fmt::format("{}://127.0.0.1:{}", tls_ ? "https" : "http", port());
}

void HttpServerForTests::AcceptAll() {
  CallContext context{Deadline(), stop_.get_token()};
  while (true) {
    auto socket = listener_->Accept(context);
    if (!socket.ok()) return;
    ++connections_;
    std::lock_guard lock(mutex_);
    threads_.emplace_back([this, s = std::move(socket).value()]() mutable { Serve(std::move(s)); });
  }
}

void HttpServerForTests::Serve(std::unique_ptr<Socket> socket) {
  CallContext context{Deadline(), stop_.get_token()};
  std::unique_ptr<Transport> stream = std::move(socket);
  if (tls_) {
    auto tls =
        tls_->Accept(std::unique_ptr<Socket>(static_cast<Socket*>(stream.release())), context);
    if (!tls.ok()) return;
    stream = std::move(tls).value();
  }
  std::string buffer;
  std::string head;
  while (ReadUntil(*stream, "\r\n\r\n", context, &buffer, &head)) {
    ServedRequest request = ParseHead(head);
    size_t length = 0;
    if (auto announced = request.headers.find("content-length");
        announced != request.headers.end()) {
      length = std::stoull(announced->second);
    }
    request.body = buffer.substr(0, length);
    buffer.erase(0, request.body.size());
    size_t have = request.body.size();
    request.body.resize(length);
    MutableByteView rest(reinterpret_cast<uint8_t*>(request.body.data()) + have, length - have);
    if (!stream->ReadFull(rest, context).ok()) return;
    ++requests_;
    if (!Answer(*stream, request)) return;
  }
}

bool HttpServerForTests::Answer(Transport& stream, const ServedRequest& request) {
  CallContext context{Deadline(), stop_.get_token()};
  ServedReply reply = serve_(request);
  if (reply.drop) return false;
  if (reply.hang) {
    uint8_t byte = 0;
    static_cast<void>(stream.ReadSome({&byte, 1}, context));
    return false;
  }
  std::string text = reply.raw;
  if (text.empty()) {
    text = fmt::format("HTTP/1.1 {} Said\r\n", reply.status);
    for (const auto& [name, value] : reply.headers) text += fmt::format("{}: {}\r\n", name, value);
    if (reply.status != 204) {
      text += fmt::format("Content-Length: {}\r\n", reply.announced.value_or(reply.body.size()));
    }
    text += "\r\n";
    if (request.method != "HEAD") text += reply.body;
  }
  return stream.WriteAll(AsBytes(text), context).ok() && !reply.close;
}

}  // namespace maxbrod::aws
