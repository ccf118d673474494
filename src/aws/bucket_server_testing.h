// A bucket's settings behind HTTP: documents that are kept as they were put.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "aws/http_server_testing.h"
#include "aws/s3.h"

namespace maxbrod::aws {

class BucketServerForTests {
 public:
  BucketServerForTests();

  // A client of "the-bucket" there; lives no longer than this.
  std::shared_ptr<S3Client> client() { return client_; }

  // Set before requests are sent, or between them.
  std::map<std::string, std::string> documents;  // by subresource: "versioning", "lifecycle"
  std::map<std::string, std::string> objects;    // by key
  std::set<std::string> denied;                  // subresources; "DELETE key" and the like
  std::set<std::string> denied_prefixes;         // likewise, by how they begin
  std::set<std::string> unsupported;             // subresources
  std::map<std::string, std::string> headers;    // of requests that put something, the last one
  std::string minimum_size;                      // of the lifecycle, as AWS answers it
  std::vector<std::string> log;                  // "GET versioning", "DELETE probe/x"
  int busy = 0;                                  // so many requests are answered 409

 private:
  ServedReply Serve(const ServedRequest& request);
  ServedReply Settings(const ServedRequest& request, const std::string& what);
  ServedReply Objects(const ServedRequest& request, const std::string& key,
                      const std::string& query);

  std::mutex mutex_;
  std::unique_ptr<HttpServerForTests> server_;
  std::shared_ptr<S3Client> client_;
};

}  // namespace maxbrod::aws
