#include "aws/curl_http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <stop_token>
#include <vector>

#include "aws/curl_transfer.h"
#include "base/limits.h"

namespace maxbrod::aws {
namespace {

// What libcurl's own buffers hold of one request: large enough for few system calls, small enough
// for the CPU's cache.
constexpr long kBufferBytes = 512 * 1024;
// Kept per handle: a handle sees few hosts.
constexpr long kConnectionsPerHandle = 4;
// S3 closes connections that idle for some twenty seconds; an older one is not even tried.
constexpr long kIdleSecondsMax = 20;
// Wakes up so often even when nothing happens; stop requests wake at once.
constexpr Millis kPollMax{1'000};

void InitCurlOnce() {
  static std::once_flag once;
  std::call_once(once, [] { MB_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

// One easy handle and the multi handle that keeps its connections; a multi handle of its own lets
// each thread wait, and be woken, alone.
struct Handle {
  CURLM* multi = nullptr;
  CURL* easy = nullptr;

  Handle() : multi(curl_multi_init()), easy(curl_easy_init()) {
    MB_CHECK(multi != nullptr && easy != nullptr);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kConnectionsPerHandle);
  }
  ~Handle() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
};

struct HeaderList {
  curl_slist* list = nullptr;
  HeaderList() = default;
  ~HeaderList() { curl_slist_free_all(list); }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;

  void Add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list, line.c_str());
    MB_CHECK(longer != nullptr);
    list = longer;
  }
};

Status FillHeaders(const HttpRequest& request, HeaderList* out) {
  for (const HttpHeader& header : request.headers) {
    if ((header.name + header.value).find_first_of(std::string_view("\r\n\0", 3)) !=
        std::string::npos) {
      return Status(Code::kInvalidArgument,
                    fmt::format("HTTP header '{}' holds a line break", header.name.substr(0, 64)));
    }
    // libcurl takes "Name:" for "do not send", and "Name;" for an empty value.
    out->Add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  // A body is sent at once, and its type is never guessed.
  out->Add("Expect:");
  bool typed = std::ranges::any_of(request.headers, [](const HttpHeader& header) {
    return header.name == "Content-Type" || header.name == "content-type";
  });
  if (!typed) out->Add("Content-Type:");
  return Status::Ok();
}

bool LooksLikeALostConnection(std::string_view error) {
  for (std::string_view sign : {"SYSCALL", "reset by peer", "Broken pipe", "unexpected eof"}) {
    if (error.find(sign) != std::string_view::npos) return true;
  }
  return false;
}

// What the end of a transfer means when it was not a whole answer.
Status StatusOfCurl(CURLcode code, std::string_view error, bool sent, const std::string& host) {
  std::string text = error.empty() ? curl_easy_strerror(code) : std::string(error);
  auto make = [&](Code ours) { return Status(ours, fmt::format("{}: {}", host, text)); };
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:  // of the URL, or (sent) of what the server speaks
      return sent ? make(Code::kProtocol).Retryable() : make(Code::kInvalidArgument);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return make(Code::kTls)
          .WithHint(
              "the server's certificate is not trusted or is another host's; name its authority's "
              "certificate with ca_file");
    case CURLE_SSL_CACERT_BADFILE:
      return make(Code::kTls).WithHint("ca_file must be a readable file of PEM certificates");
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
      return make(Code::kTls);
    case CURLE_SSL_CONNECT_ERROR:
      if (LooksLikeALostConnection(text)) return make(Code::kUnavailable).Retryable();
      return make(Code::kTls)
          .WithHint("does this endpoint speak TLS? Try http:// where it does not");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return make(Code::kUnavailable).Retryable().WithHint("is the endpoint's name right, and up?");
    case CURLE_OPERATION_TIMEDOUT:
      return make(sent ? Code::kTimeout : Code::kUnavailable).Retryable();
    default:
      return make(sent ? Code::kProtocol : Code::kUnavailable).Retryable();
  }
}

}  // namespace

struct CurlHttpClient::State {
  explicit State(CurlHttpOptions o) : options(std::move(o)) {}

  const CurlHttpOptions options;
  std::atomic<uint64_t> connections{0};
  std::mutex mutex;
  std::vector<std::unique_ptr<Handle>> idle;  // used last stands last: its connection is warmest

  std::unique_ptr<Handle> Take() {
    std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<Handle>();
    std::unique_ptr<Handle> handle = std::move(idle.back());
    idle.pop_back();
    return handle;
  }
  void GiveBack(std::unique_ptr<Handle> handle) {
    std::lock_guard lock(mutex);
    if (idle.size() < options.idle_connections_max) idle.push_back(std::move(handle));
  }

  void SetUp(CURL* easy, const HttpRequest& request, const HeaderList& headers,
             Transfer* transfer) const;
  void SetUpPeer(CURL* easy) const;
  // Drives the transfer to its end; a status that is not OK when it was given up.
  Status Drive(Handle& handle, Transfer& transfer, const CallContext& context, CURLcode* end) const;
};

void CurlHttpClient::State::SetUpPeer(CURL* easy) const {
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kIdleSecondsMax);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
    if (options.ca_dir.empty()) curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  if (!options.ca_dir.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAPATH, options.ca_dir.c_str());
    if (options.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
  }
  if (!options.client_certificate.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSLCERT, options.client_certificate.c_str());
    curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE,
                     options.client_certificate_is_pkcs12 ? "P12" : "PEM");
    if (!options.client_certificate_is_pkcs12)
      curl_easy_setopt(easy, CURLOPT_SSLKEY, options.client_certificate.c_str());
    curl_easy_setopt(easy, CURLOPT_KEYPASSWD, options.client_key_password.c_str());
  }
  if (options.proxy) curl_easy_setopt(easy, CURLOPT_PROXY, options.proxy->c_str());
}

void CurlHttpClient::State::SetUp(CURL* easy, const HttpRequest& request, const HeaderList& headers,
                                  Transfer* transfer) const {
  curl_easy_reset(easy);
  SetUpPeer(easy);
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.list);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error_text);
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request.method == "PUT" || request.method == "POST" || !request.body.empty()) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                     static_cast<curl_off_t>(transfer->body_bytes()));
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, &Transfer::OnRead);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &Transfer::OnSeek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
  }
  if (request.method != "HEAD") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::OnWrite);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
}

Status CurlHttpClient::State::Drive(Handle& handle, Transfer& transfer, const CallContext& context,
                                    CURLcode* end) const {
  // Registered before the first look, so that no request to stop is slept through.
  std::stop_callback wake(context.stop, [&handle] { curl_multi_wakeup(handle.multi); });
  while (true) {
    int running = 0;
    if (curl_multi_perform(handle.multi, &running) != CURLM_OK) {
      return Status(Code::kInternal, "libcurl failed");
    }
    int queued = 0;
    if (CURLMsg* message = curl_multi_info_read(handle.multi, &queued);
        message != nullptr && message->msg == CURLMSG_DONE) {
      *end = message->data.result;
      return Status::Ok();
    }
    MB_RETURN_IF_ERROR(context.Check());
    Millis quiet = transfer.QuietFor();
    if (quiet >= options.stall_timeout) {
      return Status(Code::kTimeout, fmt::format("no byte came or went for {} ms", quiet.count()))
          .Retryable();
    }
    Millis wait = std::min({kPollMax, options.stall_timeout - quiet, context.deadline.Remaining()});
    curl_multi_poll(handle.multi, nullptr, 0, static_cast<int>(wait.count()) + 1, nullptr);
  }
}

CurlHttpClient::CurlHttpClient(CurlHttpOptions options)
    : state_((InitCurlOnce(), std::make_unique<State>(std::move(options)))) {}
CurlHttpClient::~CurlHttpClient() = default;

uint64_t CurlHttpClient::connections_made() const {
  return state_->connections.load(std::memory_order_relaxed);
}

Result<HttpResponse> CurlHttpClient::Send(const HttpRequest& request, const CallContext& context) {
  MB_RETURN_IF_ERROR(context.Check());
  HeaderList headers;
  MB_RETURN_IF_ERROR(FillHeaders(request, &headers));
  Transfer transfer(request);
  std::unique_ptr<Handle> handle = state_->Take();
  state_->SetUp(handle->easy, request, headers, &transfer);
  if (curl_multi_add_handle(handle->multi, handle->easy) != CURLM_OK) {
    return Status(Code::kInternal, "libcurl failed");
  }
  CURLcode end = CURLE_OK;
  Status status = state_->Drive(*handle, transfer, context, &end);
  long sent_bytes = 0;
  long connects = 0;
  curl_easy_getinfo(handle->easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
  curl_easy_getinfo(handle->easy, CURLINFO_NUM_CONNECTS, &connects);
  state_->connections.fetch_add(static_cast<uint64_t>(connects), std::memory_order_relaxed);
  // Removing an unfinished transfer closes its connection.
  curl_multi_remove_handle(handle->multi, handle->easy);
  curl_easy_reset(handle->easy);
  state_->GiveBack(std::move(handle));

  const std::string host = transfer.Host();
  if (!status.ok()) return std::move(status).WithContext(host);
  if (!transfer.refused().ok()) return transfer.refused().WithContext(host);
  if (end != CURLE_OK) return StatusOfCurl(end, transfer.error_text, sent_bytes > 0, host);
  return transfer.TakeResponse();
}

}  // namespace maxbrod::aws
