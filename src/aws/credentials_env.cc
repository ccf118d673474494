#include "aws/credentials_env.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

extern char** environ;

namespace maxbrod::aws {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

Status FileError(int error, const std::string& path) {
  Code code = Code::kIo;
  if (error == ENOENT || error == ENOTDIR) code = Code::kNotFound;
  if (error == EACCES || error == EPERM) code = Code::kPermission;
  return Status(code, "cannot read '" + path + "': " + std::strerror(error));
}

// A child in a process group of its own; the destructor kills whatever is left of it.
class Child {
 public:
  ~Child() {
    if (pid_ <= 0) return;
    kill(-pid_, SIGKILL);
    Wait();
  }
  // Standard input is empty, standard error stays ours.
  Status Start(const std::string& command_line, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    std::string shell = "/bin/sh", flag = "-c", text = command_line;
    char* arguments[] = {shell.data(), flag.data(), text.data(), nullptr};
    int error = posix_spawn(&pid_, shell.c_str(), &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error == 0) return Status::Ok();
    pid_ = -1;
    return Status(Code::kIo, std::string("cannot run a shell: ") + std::strerror(error));
  }
  int Wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_ = -1;
};

// Until the writers have closed it.
Result<std::string> ReadPipe(int fd, const CallContext& context) {
  std::string out;
  char buffer[4096];
  while (true) {
    MB_RETURN_IF_ERROR(context.Check());
    constexpr Millis kLookForStop{100};
    Millis wait = std::min(context.deadline.Remaining(), kLookForStop);
    pollfd waiting{fd, POLLIN, 0};
    int ready = poll(&waiting, 1, static_cast<int>(wait.count()));
    if (ready <= 0) continue;
    ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return Status(Code::kIo, std::string("its output cannot be read: ") + strerror(errno));
    if (got == 0) return out;
    out.append(buffer, static_cast<size_t>(got));
    if (out.size() > Environment::kOutputBytesMax)
      return Status(Code::kInvalidArgument, "it writes too much to be credentials");
  }
}

class SystemEnvironment : public Environment {
 public:
  std::optional<std::string> Variable(const std::string& name) override {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  }

  Result<std::string> ReadFile(const std::string& path) override {
    FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return FileError(errno, path);
    std::string text;
    char buffer[4096];
    while (true) {
      ssize_t got = read(file.get(), buffer, sizeof(buffer));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return FileError(errno, path);
      if (got == 0) return text;
      text.append(buffer, static_cast<size_t>(got));
      if (text.size() > kFileBytesMax) {
        return Status(Code::kInvalidArgument,
                      "'" + path + "' has more than " + std::to_string(kFileBytesMax) + " bytes");
      }
    }
  }

  Result<std::string> Run(const std::string& command_line, const CallContext& context) override {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
      return Status(Code::kIo, std::string("no pipe: ") + strerror(errno));
    FileDescriptor reading(ends[0]), writing(ends[1]);
    Child child;
    MB_RETURN_IF_ERROR(child.Start(command_line, writing.get()));
    writing.Close();
    MB_ASSIGN_OR_RETURN(std::string output, ReadPipe(reading.get(), context));
    int status = child.Wait();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
    std::string how = WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                        : "signal " + std::to_string(WTERMSIG(status));
    return Status(Code::kInvalidArgument, "it ended with " + how);
  }
};

}  // namespace

Environment& Environment::System() {
  static SystemEnvironment environment;
  return environment;
}

std::optional<std::string> FakeEnvironment::Variable(const std::string& name) {
  auto it = variables.find(name);
  if (it == variables.end() || it->second.empty()) return std::nullopt;
  return it->second;
}

Result<std::string> FakeEnvironment::ReadFile(const std::string& path) {
  auto it = files.find(path);
  if (it == files.end()) return FileError(ENOENT, path);
  return it->second;
}

Result<std::string> FakeEnvironment::Run(const std::string& command_line, const CallContext&) {
  auto it = programs.find(command_line);
  if (it == programs.end()) return Status(Code::kInvalidArgument, "it ended with exit code 127");
  return it->second;
}

}  // namespace maxbrod::aws
