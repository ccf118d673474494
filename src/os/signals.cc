#include "os/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>

#include "os/file.h"

namespace maxbrod {
namespace {

constexpr int kExitCode = 130;

// What the handler may touch: it can do little more than count and write.
std::atomic<int> signals_seen{0};
std::atomic<int> pipe_end{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void OnSignal(int) {
  int saved_errno = errno;
  if (signals_seen.fetch_add(1) > 0) ::_exit(kExitCode);
  char byte = 's';
  // The pipe is empty, so this cannot block; if it fails there is nobody left to tell.
  [[maybe_unused]] ssize_t n = ::write(pipe_end.load(), &byte, 1);
  errno = saved_errno;
}

}  // namespace

struct ProcessSignals::Saved {
  int pipe[2] = {-1, -1};
  struct sigaction interrupt{};
  struct sigaction terminate{};
  struct sigaction broken_pipe{};
  ~Saved() {
    for (int fd : pipe) {
      if (fd >= 0) ::close(fd);
    }
  }
};

ProcessSignals::ProcessSignals() : saved_(std::make_unique<Saved>()) {}

Result<std::unique_ptr<ProcessSignals>> ProcessSignals::Install() {
  MB_CHECK(pipe_end.load() == -1);  // one at a time
  std::unique_ptr<ProcessSignals> made(new ProcessSignals());
  Saved& saved = *made->saved_;
  if (::pipe2(saved.pipe, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe", "");
  signals_seen = 0;
  pipe_end = saved.pipe[1];

  // A stop request runs callbacks, which no signal handler may; so a thread makes it.
  made->watcher_ = std::jthread([source = made->source_, fd = saved.pipe[0]]() mutable {
    char byte = 0;
    ssize_t n;
    do {
      n = ::read(fd, &byte, 1);
    } while (n < 0 && errno == EINTR);
    if (n == 1 && byte == 's') source.request_stop();
  });

  struct sigaction stop{};
  stop.sa_handler = OnSignal;
  stop.sa_flags = SA_RESTART;
  ::sigemptyset(&stop.sa_mask);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGINT, &stop, &saved.interrupt);
  ::sigaction(SIGTERM, &stop, &saved.terminate);
  ::sigaction(SIGPIPE, &ignore, &saved.broken_pipe);
  return made;
}

ProcessSignals::~ProcessSignals() {
  if (!watcher_.joinable()) return;
  ::sigaction(SIGINT, &saved_->interrupt, nullptr);
  ::sigaction(SIGTERM, &saved_->terminate, nullptr);
  ::sigaction(SIGPIPE, &saved_->broken_pipe, nullptr);
  pipe_end = -1;
  // The end of the pipe wakes the watcher; the other end stays open until it has gone.
  ::close(std::exchange(saved_->pipe[1], -1));
  watcher_.join();
}

}  // namespace maxbrod
