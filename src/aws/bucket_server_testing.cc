#include "aws/bucket_server_testing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "aws/credentials.h"
#include "aws/curl_http.h"

namespace maxbrod::aws {
namespace {

const std::set<std::string> kSettings = {"versioning", "lifecycle", "object-lock",
                                         "encryption", "location",  "publicAccessBlock"};

ServedReply Error(int status, const std::string& code) {
  return {
      status, {}, fmt::format("<Error><Code>{}</Code><Message>told so</Message></Error>", code)};
}

}  // namespace

BucketServerForTests::BucketServerForTests() {
  server_ = std::make_unique<HttpServerForTests>(
      [this](const ServedRequest& request) { return Serve(request); });
  S3Options options{"the-bucket", "eu-west-1", server_->url(), {}, "", ""};
  client_ = std::make_shared<S3Client>(
      options, std::make_shared<CurlHttpClient>(CurlHttpOptions{}),
      std::make_shared<StaticCredentials>(Credentials{"key", "secret", ""}),
      std::make_shared<S3Counters>());
}

ServedReply BucketServerForTests::Serve(const ServedRequest& request) {
  std::lock_guard lock(mutex_);
  size_t question = request.target.find('?');
  std::string path = request.target.substr(0, question);
  std::string query = question == std::string::npos ? "" : request.target.substr(question + 1);
  std::string key = path.substr(std::string("/the-bucket").size());
  if (key.starts_with('/')) key.erase(0, 1);
  std::string what = query.substr(0, query.find('='));
  if (key.empty() && kSettings.contains(what)) return Settings(request, what);
  log.push_back(request.method + " " + (key.empty() ? what : key));
  if (denied.contains(request.method + " " + (key.empty() ? what : key)) ||
      denied.contains(request.method + " " + key + "?" + what)) {
    return Error(403, "AccessDenied");
  }
  for (const std::string& prefix : denied_prefixes) {
    if ((request.method + " " + key).starts_with(prefix)) return Error(403, "AccessDenied");
  }
  return Objects(request, key, query);
}

ServedReply BucketServerForTests::Settings(const ServedRequest& request, const std::string& what) {
  log.push_back(request.method + " " + what);
  if (unsupported.contains(what)) return Error(501, "NotImplemented");
  if (denied.contains(what)) return Error(403, "AccessDenied");
  if (busy > 0) {
    --busy;
    return Error(409, "OperationAborted");
  }
  if (request.method == "DELETE") {
    documents.erase(what);
    return {204};
  }
  if (request.method == "PUT") {
    documents[what] = request.body;
    headers = request.headers;
    return {200};
  }
  auto found = documents.find(what);
  if (found == documents.end()) return Error(404, "NoSuchConfigurationOfThatKind");
  ServedReply reply{200, {}, found->second};
  if (what == "lifecycle" && !minimum_size.empty()) {
    reply.headers = {{"x-amz-transition-default-minimum-object-size", minimum_size}};
  }
  return reply;
}

ServedReply BucketServerForTests::Objects(const ServedRequest& request, const std::string& key,
                                          const std::string& query) {
  if (key.empty()) return {200, {}, "<ListBucketResult/>"};
  if (request.method == "DELETE") {
    if (query.starts_with("uploadId")) return Error(404, "NoSuchUpload");
    objects.erase(key);
    return {204};
  }
  if (request.method == "PUT") {
    if (objects.contains(key)) return Error(412, "PreconditionFailed");
    objects[key] = request.body;
    return {200};
  }
  auto found = objects.find(key);
  if (found == objects.end()) return Error(404, "NoSuchKey");
  if (query.starts_with("restore")) return Error(403, "InvalidObjectState");
  if (query.starts_with("retention")) return Error(400, "InvalidRequest");
  if (query.starts_with("versionId")) return Error(404, "NoSuchVersion");
  if (request.method == "HEAD") {
    ServedReply reply;
    reply.announced = found->second.size();
    return reply;
  }
  auto range = request.headers.find("range");
  if (range == request.headers.end()) return {200, {}, found->second};
  size_t first = 0, last = 0;
  std::sscanf(range->second.c_str(), "bytes=%zu-%zu", &first, &last);
  std::string part = found->second.substr(std::min(first, found->second.size()), last - first + 1);
  return {206,
          {{"Content-Range",
            fmt::format("bytes {}-{}/{}", first, first + part.size() - 1, found->second.size())}},
          part};
}

}  // namespace maxbrod::aws
