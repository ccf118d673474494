// HTTP services made of a function, for tests of what lies above HttpClient.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "aws/credentials_source.h"

namespace maxbrod::aws {

// What arrived, with copies of everything.
struct SeenRequest {
  std::string method, url, body;
  std::vector<HttpHeader> headers;
  // Empty when there is none.
  std::string Header(const std::string& lower_name) const;
};

// Thread-safe as far as the handler is.
class FakeHttp : public HttpClient {
 public:
  using Handler = std::function<Result<HttpResponse>(const SeenRequest&)>;
  explicit FakeHttp(Handler handler) : handler_(std::move(handler)) {}
  Result<HttpResponse> Send(const HttpRequest& request, const CallContext& context) override;
  std::vector<SeenRequest> seen() const;

 private:
  Handler handler_;
  mutable std::mutex mutex_;
  std::vector<SeenRequest> seen_;
};

HttpResponse Answer(int status, std::string_view body = {});
Status NobodyThere();

// A whole world of fakes; nobody answers until `handler` says otherwise.
struct FakeWorldOfAws {
  FakeWorldOfAws();
  FakeHttp::Handler handler;
  FakeEnvironment environment;
  FakeClock clock;
  FakeHttp http;
  SourceNeeds needs;
};

}  // namespace maxbrod::aws
