#include "aws/credentials_fake_testing.h"

#include <algorithm>
#include <cctype>

namespace maxbrod::aws {

std::string SeenRequest::Header(const std::string& lower_name) const {
  for (const HttpHeader& header : headers) {
    std::string name = header.name;
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (name == lower_name) return header.value;
  }
  return {};
}

Result<HttpResponse> FakeHttp::Send(const HttpRequest& request, const CallContext& context) {
  MB_RETURN_IF_ERROR(context.Check());
  SeenRequest seen{request.method, request.url, {}, request.headers};
  for (ByteView piece : request.body) seen.body += AsText(piece);
  {
    std::lock_guard lock(mutex_);
    seen_.push_back(seen);
  }
  return handler_(seen);
}

std::vector<SeenRequest> FakeHttp::seen() const {
  std::lock_guard lock(mutex_);
  return seen_;
}

HttpResponse Answer(int status, std::string_view body) {
  HttpResponse response;
  response.status = status;
  response.body.assign(body.begin(), body.end());
  return response;
}

Status NobodyThere() {
  return Status(Code::kUnavailable, "connection refused").Retryable();
}

FakeWorldOfAws::FakeWorldOfAws()
    : handler([](const SeenRequest&) { return NobodyThere(); }),
      http([this](const SeenRequest& request) { return handler(request); }),
      needs{&environment, &http, &http, &clock} {
  environment.variables["HOME"] = "/home/a";
}

}  // namespace maxbrod::aws
