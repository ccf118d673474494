// raw_s3 put|get URL OBJECTS MIB THREADS: uploads or downloads objects URL0, URL1, ... by plain
// libcurl, signed by libcurl. What it reaches is the limit for a repository in S3.
#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Source {
  const std::string* bytes;
  size_t at = 0;
};

size_t Read(char* out, size_t size, size_t count, void* self) {
  auto* source = static_cast<Source*>(self);
  size_t now = std::min(size * count, source->bytes->size() - source->at);
  std::memcpy(out, source->bytes->data() + source->at, now);
  source->at += now;
  return now;
}

size_t Discard(char*, size_t size, size_t count, void* self) {
  *static_cast<size_t*>(self) += size * count;
  return size * count;
}

// The bytes of the object that went by; 0 on failure.
size_t Transfer(CURL* curl, const std::string& url, const std::string* body) {
  static const std::string keys =
      std::string(std::getenv("AWS_ACCESS_KEY_ID")) + ":" + std::getenv("AWS_SECRET_ACCESS_KEY");
  curl_easy_reset(curl);
  curl_slist* headers = nullptr;
  for (const char* line : {"x-amz-content-sha256: UNSIGNED-PAYLOAD",
                           "Expect:", "Content-Type: application/octet-stream"}) {
    headers = curl_slist_append(headers, line);
  }
  size_t received = 0;
  Source source{body};
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_USERPWD, keys.c_str());
  curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:s3");
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Discard);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 512L * 1024);
  if (body != nullptr) {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body->size()));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, &Read);
    curl_easy_setopt(curl, CURLOPT_READDATA, &source);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
  }
  CURLcode code = curl_easy_perform(curl);
  curl_slist_free_all(headers);
  if (code != CURLE_OK) {
    std::fprintf(stderr, "raw_s3: %s: %s\n", url.c_str(), curl_easy_strerror(code));
    return 0;
  }
  return body != nullptr ? source.at : received;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: raw_s3 put|get URL OBJECTS MIB THREADS\n");
    return 2;
  }
  const bool put = std::string(argv[1]) == "put";
  const std::string url = argv[2];
  const int objects = std::atoi(argv[3]);
  std::string body;
  if (put) {
    body.resize(static_cast<size_t>(std::atoi(argv[4])) << 20);
    std::mt19937_64 random(1);
    for (size_t i = 0; i + 8 <= body.size(); i += 8) {
      uint64_t word = random();
      std::memcpy(body.data() + i, &word, 8);
    }
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  std::atomic<int> next{0};
  std::atomic<bool> failed{false};
  std::atomic<size_t> bytes{0};
  auto started = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < std::atoi(argv[5]); ++t) {
      threads.emplace_back([&] {
        CURL* curl = curl_easy_init();
        for (int i = next++; i < objects && !failed; i = next++) {
          size_t moved = Transfer(curl, url + std::to_string(i), put ? &body : nullptr);
          if (moved == 0) failed = true;
          bytes += moved;
        }
        curl_easy_cleanup(curl);
      });
    }
  }
  double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::printf("{\"bytes\": %zu, \"seconds\": %.3f}\n", bytes.load(), seconds);
  return failed ? 1 : 0;
}
