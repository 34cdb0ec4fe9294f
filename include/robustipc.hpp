// robustipc for C++17 and newer: owning, typed objects over <robustipc.h>.
//
// There is nothing more to link than the C library. Each member function makes exactly one call of the C library, and
// one more, ipc_last_error(), if that call fails. The header allocates nothing.
//
// Results. A call that can fail returns ipc::result<T>: std::expected<T, ipc::error> where the compiler has it, otherwise
// a small class with the same members. ipc::error carries the code (a positive errno) and the library's text. A result
// that is not looked at is a compiler warning.
//
//     auto sensor = ipc::shm<Sensor>::open("/sensor", ipc::create);
//     if (!sensor) { std::fprintf(stderr, "%s\n", sensor.error().text()); return 1; }
//     (*sensor)->temperature = 21.5;
//
// Exceptions are a second layer: ipc::unwrap(result) returns the value or throws ipc::exception. The header works with
// -fno-exceptions and -fno-rtti; then unwrap() ends the process with abort() in place of throwing.
//
// Owners (shm, queue, topic, cell, service, client, waitset, child, descriptor, ...) can be moved and not copied. A moved-from or default-constructed owner is empty:
// every call on it gives EBADF or EINVAL, and its destructor does nothing. Placed types (mutex, rwlock, cond, sem, event,
// permits, barrier, once) have the size and the layout of the C types. Put them into a shared struct, and never copy one
// that is in use. A struct with them stays trivially copyable, as ipc::shm<T> demands.
//
// Timeouts are std::chrono durations, std::chrono::steady_clock time points, ipc::forever or ipc::no_wait.
// A duration that is negative counts as 0; one that is too long for 64 bits of nanoseconds counts as ipc::forever.
//
// Thread safety, cancellation, signals, and the state that a killed process leaves are those of the C calls: man 7 robustipc.

#ifndef ROBUSTIPC_HPP
#define ROBUSTIPC_HPP

#include <robustipc.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include <unistd.h>

#if defined(__has_include)
#if __has_include(<version>)
#include <version>
#endif
#endif
#if defined(__cpp_lib_expected)
#include <expected>
#endif
#if defined(__cpp_lib_span)
#include <span>
#endif
#if defined(__cpp_exceptions)
#include <exception>
#endif

namespace ipc {

// ---------------------------------------------------------------------------------------------------------------------
// Errors and results

/// A failed call: its errno as a positive number, and the library's text about it.
class [[nodiscard]] error {
 public:
  /// How many bytes of text an error keeps, with the ending NUL. Longer texts are cut.
  static constexpr std::size_t text_size = 512;

  /// For a failure that the caller found itself. The text is ipc_strerror()'s.
  explicit error(int code) noexcept : code_(code < 0 ? -code : code) { keep(ipc_strerror(-code_)); }

  /// The failure that a C call of this thread has just returned (a negative number).
  static error last(long result) noexcept { return error(static_cast<int>(-result), ipc_last_error()); }

  /// The errno, for example ENOENT.
  int code() const noexcept { return code_; }

  /// Which call failed, on which object, what was expected and what was found. Never NULL. It lives as long as this object.
  const char *text() const noexcept { return text_; }

  bool operator==(const error &other) const noexcept { return code_ == other.code_; }
  bool operator!=(const error &other) const noexcept { return code_ != other.code_; }

 private:
  error(int code, const char *text) noexcept : code_(code) { keep(text); }

  void keep(const char *text) noexcept {
    std::size_t length = 0;
    while (length + 1 < text_size && text[length] != '\0') ++length;
    std::memcpy(text_, text, length);
    text_[length] = '\0';
  }

  int code_;
  char text_[text_size];
};

#if defined(__cpp_lib_expected)

/// A value or an ipc::error.
template <class T>
using result = std::expected<T, error>;
using failure = std::unexpected<error>;

#else

/// The failed state of a result.
struct failure {
  explicit failure(const error &why) noexcept : why_(why) {}
  const error &error_value() const noexcept { return why_; }

 private:
  error why_;
};

/// A value or an ipc::error, with the members of std::expected that are used most. value() on a failed result ends the
/// process with abort(); ask has_value() first, or use ipc::unwrap().
template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;
  using error_type = ipc::error;

  result(T value) noexcept : has_(true) { ::new (static_cast<void *>(&storage_)) T(std::move(value)); }
  result(const failure &why) noexcept : has_(false) { ::new (static_cast<void *>(&storage_)) ipc::error(why.error_value()); }
  result(result &&other) noexcept : has_(other.has_) { take(other); }
  result(const result &) = delete;
  result &operator=(result &&other) noexcept {
    if (this != &other) {
      destroy();
      has_ = other.has_;
      take(other);
    }
    return *this;
  }
  result &operator=(const result &) = delete;
  ~result() { destroy(); }

  bool has_value() const noexcept { return has_; }
  explicit operator bool() const noexcept { return has_; }
  T &value() & noexcept { return checked(); }
  const T &value() const & noexcept { return const_cast<result *>(this)->checked(); }
  T &&value() && noexcept { return std::move(checked()); }
  T &operator*() & noexcept { return *value_pointer(); }
  const T &operator*() const & noexcept { return *const_cast<result *>(this)->value_pointer(); }
  T &&operator*() && noexcept { return std::move(*value_pointer()); }
  T *operator->() noexcept { return value_pointer(); }
  const T *operator->() const noexcept { return const_cast<result *>(this)->value_pointer(); }
  const ipc::error &error() const noexcept { return *std::launder(reinterpret_cast<const ipc::error *>(&storage_)); }
  template <class U>
  T value_or(U &&other) && {
    return has_ ? std::move(*value_pointer()) : static_cast<T>(std::forward<U>(other));
  }

 private:
  T *value_pointer() noexcept { return std::launder(reinterpret_cast<T *>(&storage_)); }
  T &checked() noexcept {
    if (!has_) std::abort();
    return *value_pointer();
  }
  void take(result &other) noexcept {
    if (has_) {
      ::new (static_cast<void *>(&storage_)) T(std::move(*other.value_pointer()));
    } else {
      ::new (static_cast<void *>(&storage_)) ipc::error(other.error());
    }
  }
  void destroy() noexcept {
    if (has_) value_pointer()->~T();
  }

  alignas(T) alignas(ipc::error) unsigned char storage_[sizeof(T) > sizeof(ipc::error) ? sizeof(T) : sizeof(ipc::error)];
  bool has_;
};

template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;
  using error_type = ipc::error;

  result() noexcept : has_(true) {}
  result(const failure &why) noexcept : has_(false) { ::new (static_cast<void *>(&storage_)) ipc::error(why.error_value()); }

  bool has_value() const noexcept { return has_; }
  explicit operator bool() const noexcept { return has_; }
  void value() const noexcept {
    if (!has_) std::abort();
  }
  void operator*() const noexcept {}
  const ipc::error &error() const noexcept { return *std::launder(reinterpret_cast<const ipc::error *>(&storage_)); }

 private:
  alignas(ipc::error) unsigned char storage_[sizeof(ipc::error)];
  bool has_;
};

#endif

#if defined(__cpp_exceptions)

/// Thrown by unwrap(), and by the lock() functions where they cannot return an error.
class exception : public std::exception {
 public:
  explicit exception(const ipc::error &why) noexcept : why_(why) {}
  const char *what() const noexcept override { return why_.text(); }
  int code() const noexcept { return why_.code(); }
  const ipc::error &error() const noexcept { return why_; }

 private:
  ipc::error why_;
};

#endif

namespace detail {

[[noreturn]] inline void raise(const error &why) {
#if defined(__cpp_exceptions)
  throw exception(why);
#else
  static_cast<void>(why);
  std::abort();
#endif
}

/// The failure of a C call that returned `result`.
inline failure failed(long result) noexcept { return failure(error::last(result)); }

inline result<void> done(long outcome) noexcept {
  if (outcome < 0) return failed(outcome);
  return {};
}

/// For a C call that returns a descriptor or a count.
inline result<int> number(int outcome) noexcept {
  if (outcome < 0) return failed(outcome);
  return outcome;
}

/// For a C call that returns 0 or 1.
inline result<bool> truth(int outcome) noexcept {
  if (outcome < 0) return failed(outcome);
  return outcome != 0;
}

}  // namespace detail

/// The value of a result. If the result is an error, throws ipc::exception; without exceptions, ends the process.
template <class T>
T unwrap(result<T> &&outcome) {
  if (!outcome.has_value()) detail::raise(outcome.error());
  if constexpr (!std::is_void_v<T>) return std::move(*outcome);
}

// ---------------------------------------------------------------------------------------------------------------------
// Timeouts, flags, spans

/// How long a call may wait. Made implicitly of a duration or of a time point of the steady clock.
class timeout {
 public:
  template <class Rep, class Period>
  constexpr timeout(std::chrono::duration<Rep, Period> length) noexcept : ns_(nanoseconds(length)) {}
  template <class Duration>
  timeout(std::chrono::time_point<std::chrono::steady_clock, Duration> point) noexcept
      : timeout(point - std::chrono::steady_clock::now()) {}
  static constexpr timeout from_ns(std::int64_t timeout_ns) noexcept { return timeout(timeout_ns, 0); }
  constexpr std::int64_t ns() const noexcept { return ns_; }

 private:
  constexpr timeout(std::int64_t timeout_ns, int) noexcept : ns_(timeout_ns) {}
  template <class Rep, class Period>
  static constexpr std::int64_t nanoseconds(std::chrono::duration<Rep, Period> length) noexcept {
    // Compared in floating point, where no unit overflows. 9.2e18 ns are 292 years.
    const auto seconds = std::chrono::duration<long double>(length).count();
    if (!(seconds > 0)) return 0;
    if (seconds >= 9.2e9L) return IPC_FOREVER;
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(length).count();
    // A positive time below 1 ns still waits.
    return ns > 0 ? static_cast<std::int64_t>(ns) : 1;
  }

  std::int64_t ns_;
};

/// Waits without limit.
inline constexpr timeout forever = timeout::from_ns(IPC_FOREVER);
/// Tries once: EAGAIN in place of waiting.
inline constexpr timeout no_wait = timeout::from_ns(0);

/// Flags of the open functions, as in the C header. Combine them with |.
inline constexpr int create = IPC_CREATE;
inline constexpr int exclusive = IPC_CREATE | IPC_EXCLUSIVE;
inline constexpr int read_only = IPC_READ_ONLY;
inline constexpr int write_only = IPC_WRITE_ONLY;

#if defined(__cpp_lib_span)

template <class T>
using span = std::span<T>;

#else

/// A pointer and a number of elements, with the members of std::span that are used most.
template <class T>
class span {
 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;

  constexpr span() noexcept = default;
  constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
  template <std::size_t N>
  constexpr span(T (&array)[N]) noexcept : data_(array), size_(N) {}
  template <class Container, class = std::enable_if_t<
                                 std::is_convertible_v<std::remove_pointer_t<decltype(std::declval<Container &>().data())> (*)[], T (*)[]> &&
                                 !std::is_same_v<std::remove_cv_t<Container>, span>>>
  constexpr span(Container &container) noexcept : data_(container.data()), size_(container.size()) {}
  template <class Container, class = std::enable_if_t<
                                 std::is_convertible_v<std::remove_pointer_t<decltype(std::declval<const Container &>().data())> (*)[], T (*)[]> &&
                                 !std::is_same_v<Container, span>>, class = void>
  constexpr span(const Container &container) noexcept : data_(container.data()), size_(container.size()) {}

  constexpr T *data() const noexcept { return data_; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr std::size_t size_bytes() const noexcept { return size_ * sizeof(T); }
  constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr T *begin() const noexcept { return data_; }
  constexpr T *end() const noexcept { return data_ + size_; }
  constexpr T &operator[](std::size_t index) const noexcept { return data_[index]; }
  constexpr span first(std::size_t count) const noexcept { return span(data_, count); }
  constexpr span subspan(std::size_t offset) const noexcept { return span(data_ + offset, size_ - offset); }

 private:
  T *data_ = nullptr;
  std::size_t size_ = 0;
};

#endif

/// The description of T that open() compares with the other program's. IPC_DESCRIBE_AS specialises it.
template <class T>
struct description {
  static constexpr bool is_given = false;
};

namespace detail {

template <class T>
inline constexpr bool can_be_shared = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T>;

/// The description of T, or NULL if it has none.
template <class T>
constexpr const ipc_type_t *type_of() noexcept {
  if constexpr (description<T>::is_given) {
    return &description<T>::type;
  } else {
    return nullptr;
  }
}

/// An owner of a C handle: moves, closes once, is empty after a move.
template <class Handle, int (*Close)(Handle *)>
class owner {
 public:
  owner() noexcept = default;
  explicit owner(Handle *handle) noexcept : handle_(handle) {}
  owner(owner &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  owner &operator=(owner &&other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  owner(const owner &) = delete;
  owner &operator=(const owner &) = delete;
  ~owner() { reset(); }

  /// Whether this object owns a handle.
  explicit operator bool() const noexcept { return handle_ != nullptr; }
  /// The C handle, which stays owned by this object; NULL if it is empty.
  Handle *handle() const noexcept { return handle_; }
  /// Gives the C handle away: the caller closes it.
  [[nodiscard]] Handle *release() noexcept { return std::exchange(handle_, nullptr); }
  /// Closes now, and says whether that worked. If it fails, this object keeps the handle.
  result<void> close() noexcept {
    const int outcome = Close(handle_);
    if (outcome < 0) return failed(outcome);
    handle_ = nullptr;
    return {};
  }

 protected:
  void reset() noexcept {
    if (handle_ != nullptr) static_cast<void>(Close(std::exchange(handle_, nullptr)));
  }
  Handle *handle_ = nullptr;
};

}  // namespace detail

// ---------------------------------------------------------------------------------------------------------------------
// Descriptors

/// An owned file descriptor. Closed with close() when the object ends.
class descriptor {
 public:
  descriptor() noexcept = default;
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor &operator=(descriptor &&other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  descriptor(const descriptor &) = delete;
  descriptor &operator=(const descriptor &) = delete;
  ~descriptor() { reset(); }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  /// The number, which stays owned by this object; -1 if it is empty.
  int fd() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept {
    if (fd_ >= 0) {
      const int kept = errno;
      ::close(std::exchange(fd_, -1));
      errno = kept;
    }
  }

  /// Reads until `size` bytes are there, or the end: returns how many. ipc_read_full().
  result<std::size_t> read_full(void *buffer, std::size_t size, timeout limit = forever) const noexcept {
    const ssize_t count = ipc_read_full(fd_, buffer, size, limit.ns());
    if (count < 0) return detail::failed(count);
    return static_cast<std::size_t>(count);
  }
  /// Writes all bytes. ipc_write_full().
  result<std::size_t> write_full(const void *data, std::size_t size, timeout limit = forever) const noexcept {
    const ssize_t count = ipc_write_full(fd_, data, size, limit.ns());
    if (count < 0) return detail::failed(count);
    return static_cast<std::size_t>(count);
  }

 private:
  int fd_ = -1;
};

namespace detail {

inline result<descriptor> opened(int fd) noexcept {
  if (fd < 0) return failed(fd);
  return descriptor(fd);
}

}  // namespace detail

/// The two ends of a pipe.
struct pipe_ends {
  descriptor read;
  descriptor write;
};

/// ipc_pipe().
inline result<pipe_ends> pipe(int flags = 0) noexcept {
  int read_fd = -1;
  int write_fd = -1;
  const int outcome = ipc_pipe(&read_fd, &write_fd, flags);
  if (outcome < 0) return detail::failed(outcome);
  return pipe_ends{descriptor(read_fd), descriptor(write_fd)};
}

/// ipc_fifo_open().
inline result<descriptor> open_fifo(const char *path, int flags, timeout limit = forever) noexcept {
  return detail::opened(ipc_fifo_open(path, flags, limit.ns()));
}

/// A UNIX socket: a connection, or one end of a pair.
class socket : public descriptor {
 public:
  socket() noexcept = default;
  explicit socket(int fd) noexcept : descriptor(fd) {}

  /// ipc_sock_connect(). `type` is IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET.
  static result<socket> connect(const char *path, int type = IPC_SOCK_SEQPACKET, int flags = 0, timeout limit = forever) noexcept {
    const int fd = ipc_sock_connect(path, type, flags, limit.ns());
    if (fd < 0) return detail::failed(fd);
    return socket(fd);
  }
  /// ipc_sock_pair().
  static result<std::pair<socket, socket>> pair(int type = IPC_SOCK_SEQPACKET, int flags = 0) noexcept {
    int first = -1;
    int second = -1;
    const int outcome = ipc_sock_pair(&first, &second, type, flags);
    if (outcome < 0) return detail::failed(outcome);
    return std::pair<socket, socket>(socket(first), socket(second));
  }
  /// ipc_sock_send().
  result<std::size_t> send(const void *data, std::size_t size, timeout limit = forever) const noexcept {
    return counted(ipc_sock_send(fd(), data, size, limit.ns()));
  }
  /// ipc_sock_recv(). 0 is the end of the connection.
  result<std::size_t> receive(void *buffer, std::size_t capacity, timeout limit = forever) const noexcept {
    return counted(ipc_sock_recv(fd(), buffer, capacity, limit.ns()));
  }
  /// ipc_sock_send_fds(): the descriptors stay the caller's.
  result<std::size_t> send_fds(const void *data, std::size_t size, span<const int> fds, timeout limit = forever) const noexcept {
    return counted(ipc_sock_send_fds(fd(), data, size, fds.data(), fds.size(), limit.ns()));
  }
  /// ipc_sock_recv_fds(): stores up to `fds.size()` new descriptors, which are the caller's, and their number in `count`.
  result<std::size_t> receive_fds(void *buffer, std::size_t capacity, span<int> fds, std::size_t &count,
                                  timeout limit = forever) const noexcept {
    return counted(ipc_sock_recv_fds(fd(), buffer, capacity, fds.data(), fds.size(), &count, limit.ns()));
  }
  /// ipc_sock_peer().
  result<ipc_peer_t> peer() const noexcept {
    ipc_peer_t peer{};
    const int outcome = ipc_sock_peer(fd(), &peer);
    if (outcome < 0) return detail::failed(outcome);
    return peer;
  }

 private:
  static result<std::size_t> counted(ssize_t count) noexcept {
    if (count < 0) return detail::failed(count);
    return static_cast<std::size_t>(count);
  }
};

/// A listening UNIX socket.
class listener : public descriptor {
 public:
  listener() noexcept = default;
  explicit listener(int fd) noexcept : descriptor(fd) {}
  /// ipc_sock_listen().
  static result<listener> open(const char *path, int type = IPC_SOCK_SEQPACKET, int flags = 0, mode_t mode = 0600) noexcept {
    const int fd = ipc_sock_listen(path, type, flags, mode);
    if (fd < 0) return detail::failed(fd);
    return listener(fd);
  }
  /// ipc_sock_listen_within(): waits at most `limit` for a name that is in use.
  static result<listener> open_within(timeout limit, const char *path, int type = IPC_SOCK_SEQPACKET, int flags = 0,
                                      mode_t mode = 0600) noexcept {
    const int fd = ipc_sock_listen_within(path, type, flags, mode, limit.ns());
    if (fd < 0) return detail::failed(fd);
    return listener(fd);
  }
  /// ipc_sock_accept().
  result<socket> accept(timeout limit = forever) const noexcept {
    const int accepted = ipc_sock_accept(fd(), limit.ns());
    if (accepted < 0) return detail::failed(accepted);
    return socket(accepted);
  }
};

// ---------------------------------------------------------------------------------------------------------------------
// Regions

/// A region of shared memory that holds one T. `->` and `*` give the T. Closed when the object ends; no lock in the region may
/// be held by this process then.
template <class T>
class shm : public detail::owner<ipc_shm_t, ipc_shm_close> {
  static_assert(std::is_trivially_copyable_v<T>, "a type in shared memory has to be trivially copyable: other processes see only its bytes");
  static_assert(std::is_standard_layout_v<T>, "a type in shared memory has to have standard layout, so that all programs agree about it");

 public:
  shm() noexcept = default;
  /// Takes over a C handle of a region that holds a T.
  explicit shm(ipc_shm_t *handle) noexcept : detail::owner<ipc_shm_t, ipc_shm_close>(handle) {
    data_ = static_cast<T *>(ipc_shm_data(handle));
  }
  shm(shm &&other) noexcept = default;
  shm &operator=(shm &&other) noexcept = default;

  /// Opens, and with ipc::create creates, the named region. The type is described with IPC_DESCRIBE_AS.
  static result<shm> open(const char *name, int flags = 0, mode_t mode = 0600) noexcept {
    static_assert(description<T>::is_given, "describe the type with IPC_DESCRIBE_AS, or pass an ipc_type_t");
    return open(name, description<T>::type, flags, mode);
  }
  static result<shm> open(const char *name, const ipc_type_t &type, int flags = 0, mode_t mode = 0600) noexcept {
    ipc_shm_t *handle = nullptr;
    const int outcome = ipc_shm_open_typed(&handle, name, &type, flags, mode);
    return made(outcome, handle);
  }
  /// As open(). The process that creates the region calls `init(T &)`, which returns 0 or a negative errno, before any other
  /// process sees the region. If `init` fails or throws, nothing is created, and an exception reaches the caller.
  template <class Init>
  static result<shm> open_init(const char *name, const ipc_type_t &type, Init &&init, int flags = create,
                               mode_t mode = 0600) noexcept(noexcept(init(std::declval<T &>()))) {
    ipc_shm_t *handle = nullptr;
    auto call = [](void *data, void *context) -> int {
      return (*static_cast<std::remove_reference_t<Init> *>(context))(*static_cast<T *>(data));
    };
    const int outcome = ipc_shm_open_typed_init(&handle, name, &type, flags, mode, call,
                                                const_cast<void *>(static_cast<const void *>(&init)));
    return made(outcome, handle);
  }
  /// ipc_shm_sealed(): memory for a peer that is not trusted. Pass fd() on.
  static result<shm> sealed(const ipc_type_t &type) noexcept {
    ipc_shm_t *handle = nullptr;
    const int outcome = ipc_shm_sealed(&handle, &type);
    return made(outcome, handle);
  }
  /// ipc_shm_from_fd(): memory that a peer has passed.
  static result<shm> from_fd(int fd, const ipc_type_t &type, int flags = 0) noexcept {
    ipc_shm_t *handle = nullptr;
    const int outcome = ipc_shm_from_fd(&handle, fd, &type, flags);
    return made(outcome, handle);
  }
  /// Removes the name. ipc_shm_unlink().
  static result<void> unlink(const char *name) noexcept { return detail::done(ipc_shm_unlink(name)); }

  /// Whether open() created the region.
  bool created() const noexcept { return created_; }
  /// The shared T; NULL if this object is empty.
  T *get() const noexcept { return this->handle_ == nullptr ? nullptr : data_; }
  T *operator->() const noexcept { return data_; }
  T &operator*() const noexcept { return *data_; }
  /// ipc_shm_fd(): stays owned by the region.
  result<int> fd() const noexcept {
    const int number = ipc_shm_fd(this->handle_);
    if (number < 0) return detail::failed(number);
    return number;
  }
  /// Whether the name is gone or leads to another object. ipc_shm_stale().
  result<bool> stale() const noexcept {
    const int outcome = ipc_shm_stale(this->handle_);
    if (outcome < 0) return detail::failed(outcome);
    return outcome != 0;
  }

 private:
  static result<shm> made(int outcome, ipc_shm_t *handle) noexcept {
    if (outcome < 0) return detail::failed(outcome);
    shm region(handle);
    region.created_ = outcome == IPC_CREATED;
    return region;
  }

  T *data_ = nullptr;
  bool created_ = false;
};

// ---------------------------------------------------------------------------------------------------------------------
// Locks

template <class Lock>
class held;

#if defined(__cpp_exceptions)

/// Thrown by lock() if the last owner died. The exception owns the lock: repair the data and call consistent(); the lock is
/// released when the exception ends. If nobody calls consistent(), the lock becomes unusable (ENOTRECOVERABLE) for
/// everybody, so no program can overlook the death.
class owner_died : public std::exception {
 public:
  using action = int (*)(void *);
  owner_died(void *lock, action declare, action unlock) noexcept : lock_(lock), declare_(declare), unlock_(unlock) {}
  owner_died(const owner_died &other) noexcept
      : std::exception(other), lock_(std::exchange(other.lock_, nullptr)), declare_(other.declare_), unlock_(other.unlock_) {}
  owner_died &operator=(const owner_died &) = delete;
  ~owner_died() override {
    if (lock_ != nullptr) static_cast<void>(unlock_(lock_));
  }
  const char *what() const noexcept override { return "the owner of a lock died: repair the data and call consistent()"; }
  /// Declares that the data is whole again.
  result<void> consistent() const noexcept { return detail::done(declare_(lock_)); }

 private:
  // A copy takes the lock over: a thrown object may be copied, and the last copy releases it.
  mutable void *lock_;
  action declare_;
  action unlock_;
};

#endif

namespace detail {

/// What lock() does with the result of a C call, since it cannot return an error.
inline void settle(int outcome, void *lock, int (*consistent)(void *), int (*unlock)(void *)) {
  if (outcome < 0) raise(error::last(outcome));
  if (outcome == IPC_OWNER_DIED) {
#if defined(__cpp_exceptions)
    throw owner_died(lock, consistent, unlock);
#else
    static_cast<void>(lock);
    static_cast<void>(consistent);
    static_cast<void>(unlock);
    std::abort();
#endif
  }
}

}  // namespace detail

/// A lock that this thread holds. Unlocked when the object ends.
template <class Lock>
class [[nodiscard]] held {
 public:
  held() noexcept = default;
  held(Lock &lock, bool owner_died) noexcept : lock_(&lock), owner_died_(owner_died) {}
  held(held &&other) noexcept : lock_(std::exchange(other.lock_, nullptr)), owner_died_(other.owner_died_) {}
  held &operator=(held &&other) noexcept {
    if (this != &other) {
      static_cast<void>(unlock());
      lock_ = std::exchange(other.lock_, nullptr);
      owner_died_ = other.owner_died_;
    }
    return *this;
  }
  held(const held &) = delete;
  held &operator=(const held &) = delete;
  ~held() {
    if (lock_ != nullptr) static_cast<void>(lock_->release());
  }

  /// Whether the last owner died while it held the lock. Then repair the data and call consistent(); without that call, the lock
  /// becomes unusable (ENOTRECOVERABLE) for everybody.
  bool owner_died() const noexcept { return owner_died_; }
  result<void> consistent() noexcept {
    auto outcome = lock_ == nullptr ? result<void>(failure(error(EINVAL))) : lock_->consistent();
    if (outcome) owner_died_ = false;
    return outcome;
  }
  explicit operator bool() const noexcept { return lock_ != nullptr; }
  result<void> unlock() noexcept {
    if (lock_ == nullptr) return {};
    return std::exchange(lock_, nullptr)->release();
  }
  /// Lets go of the lock without unlocking it.
  void leave_locked() noexcept { lock_ = nullptr; }

 private:
  Lock *lock_ = nullptr;
  bool owner_died_ = false;
};

/// A robust mutex to place in shared memory, with the layout of ipc_mutex_t.
///
/// It works with std::unique_lock, std::lock_guard and std::scoped_lock. If the last owner died, lock() throws
/// ipc::owner_died; without exceptions it ends the process, whose death the next owner is told of. To handle the death as a
/// result, use acquire(). To have it repaired in one place, wrap the mutex in ipc::repairing.
class mutex {
 public:
  /// Initialises memory that nobody uses yet: call it in the init function of the region. ipc_mutex_init().
  result<void> init(int flags = 0) noexcept {
    ipc_mutex_attr_t attributes{};
    attributes.flags = flags;
    return detail::done(ipc_mutex_init(&raw_, &attributes));
  }
  result<held<mutex>> acquire(timeout limit = forever) noexcept {
    const int outcome = ipc_mutex_lock(&raw_, limit.ns());
    if (outcome < 0) return detail::failed(outcome);
    return held<mutex>(*this, outcome == IPC_OWNER_DIED);
  }
  void lock() { settle(ipc_mutex_lock(&raw_, IPC_FOREVER)); }
  bool try_lock() { return try_for(no_wait); }
  template <class Rep, class Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> limit) { return try_for(limit); }
  template <class Duration>
  bool try_lock_until(std::chrono::time_point<std::chrono::steady_clock, Duration> point) { return try_for(point); }
  void unlock() noexcept { static_cast<void>(ipc_mutex_unlock(&raw_)); }
  /// As unlock(), with its result.
  result<void> release() noexcept { return detail::done(ipc_mutex_unlock(&raw_)); }
  result<void> consistent() noexcept { return detail::done(ipc_mutex_consistent(&raw_)); }
  result<void> destroy() noexcept { return detail::done(ipc_mutex_destroy(&raw_)); }
  ipc_mutex_t *native() noexcept { return &raw_; }

 private:
  bool try_for(timeout limit) {
    const int outcome = ipc_mutex_lock(&raw_, limit.ns());
    if (outcome == -EAGAIN || outcome == -ETIMEDOUT) return false;
    settle(outcome);
    return true;
  }
  void settle(int outcome) {
    detail::settle(
        outcome, &raw_, [](void *lock) { return ipc_mutex_consistent(static_cast<ipc_mutex_t *>(lock)); },
        [](void *lock) { return ipc_mutex_unlock(static_cast<ipc_mutex_t *>(lock)); });
  }

  ipc_mutex_t raw_;
};

/// Locks a mutex and, if the last owner died, calls `repair()` before it declares the data consistent. It works with
/// std::unique_lock, std::lock_guard and std::scoped_lock:
///
///     ipc::repairing lock(region->mutex, [&] { region->count = recount(*region); });
///     std::scoped_lock guard(lock);
///
/// If `repair` throws, the lock is released and becomes unusable for everybody.
template <class Repair>
class repairing {
 public:
  repairing(mutex &mutex, Repair repair) : mutex_(&mutex), repair_(std::move(repair)) {}
  void lock() { finish(mutex_->acquire()); }
  bool try_lock() {
    auto outcome = mutex_->acquire(no_wait);
    if (!outcome && outcome.error().code() == EAGAIN) return false;
    finish(std::move(outcome));
    return true;
  }
  void unlock() noexcept { mutex_->unlock(); }

 private:
  void finish(result<held<mutex>> outcome) {
    if (!outcome) detail::raise(outcome.error());
    held<mutex> guard = std::move(*outcome);
    if (guard.owner_died()) {
      repair_();
      const auto declared = guard.consistent();
      if (!declared) detail::raise(declared.error());
    }
    guard.leave_locked();
  }

  mutex *mutex_;
  Repair repair_;
};

/// A robust readers-writer lock to place in shared memory, with the layout of ipc_rwlock_t. It works with std::shared_lock and
/// std::unique_lock. A dead reader leaves nothing to repair; a dead writer is reported as a dead owner of an ipc::mutex is.
class rwlock {
 public:
  result<void> init() noexcept { return detail::done(ipc_rwlock_init(&raw_)); }
  result<held<rwlock>> acquire(timeout limit = forever) noexcept { return taken(ipc_rwlock_write_lock(&raw_, limit.ns())); }
  result<held<rwlock>> acquire_shared(timeout limit = forever) noexcept { return taken(ipc_rwlock_read_lock(&raw_, limit.ns())); }
  void lock() { settle(ipc_rwlock_write_lock(&raw_, IPC_FOREVER)); }
  bool try_lock() { return tried(ipc_rwlock_write_lock(&raw_, 0)); }
  template <class Rep, class Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> limit) { return tried(ipc_rwlock_write_lock(&raw_, timeout(limit).ns())); }
  void unlock() noexcept { static_cast<void>(ipc_rwlock_unlock(&raw_)); }
  void lock_shared() { settle(ipc_rwlock_read_lock(&raw_, IPC_FOREVER)); }
  bool try_lock_shared() { return tried(ipc_rwlock_read_lock(&raw_, 0)); }
  template <class Rep, class Period>
  bool try_lock_shared_for(std::chrono::duration<Rep, Period> limit) { return tried(ipc_rwlock_read_lock(&raw_, timeout(limit).ns())); }
  void unlock_shared() noexcept { unlock(); }
  result<void> release() noexcept { return detail::done(ipc_rwlock_unlock(&raw_)); }
  result<void> consistent() noexcept { return detail::done(ipc_rwlock_consistent(&raw_)); }
  result<void> destroy() noexcept { return detail::done(ipc_rwlock_destroy(&raw_)); }
  ipc_rwlock_t *native() noexcept { return &raw_; }

 private:
  result<held<rwlock>> taken(int outcome) noexcept {
    if (outcome < 0) return detail::failed(outcome);
    return held<rwlock>(*this, outcome == IPC_OWNER_DIED);
  }
  bool tried(int outcome) {
    if (outcome == -EAGAIN || outcome == -ETIMEDOUT) return false;
    settle(outcome);
    return true;
  }
  void settle(int outcome) {
    detail::settle(
        outcome, &raw_, [](void *lock) { return ipc_rwlock_consistent(static_cast<ipc_rwlock_t *>(lock)); },
        [](void *lock) { return ipc_rwlock_unlock(static_cast<ipc_rwlock_t *>(lock)); });
  }

  ipc_rwlock_t raw_;
};

/// A condition variable to place in shared memory, with the layout of ipc_cond_t.
class cond {
 public:
  result<void> init() noexcept { return detail::done(ipc_cond_init(&raw_)); }
  /// Waits with the lock that the caller holds. After return the caller holds it again, except if the error says otherwise (see
  /// ipc_cond(3)). Returns whether the mutex's last owner died: ask the held lock, or call consistent() after the repair.
  result<bool> wait(mutex &lock, timeout limit = forever) noexcept {
    const int outcome = ipc_cond_wait(&raw_, lock.native(), limit.ns());
    if (outcome < 0) return detail::failed(outcome);
    return outcome == IPC_OWNER_DIED;
  }
  result<void> signal() noexcept { return detail::done(ipc_cond_signal(&raw_)); }
  result<void> broadcast() noexcept { return detail::done(ipc_cond_broadcast(&raw_)); }
  result<void> destroy() noexcept { return detail::done(ipc_cond_destroy(&raw_)); }
  ipc_cond_t *native() noexcept { return &raw_; }

 private:
  ipc_cond_t raw_;
};

namespace detail {

/// The calls of a semaphore, wherever it lives. `Self` has native().
template <class Self>
class sem_calls {
 public:
  result<void> wait(timeout limit = forever) const noexcept { return done(ipc_sem_wait(raw(), limit.ns())); }
  result<void> post() const noexcept { return done(ipc_sem_post(raw())); }
  result<unsigned> value() const noexcept {
    unsigned count = 0;
    const int outcome = ipc_sem_value(raw(), &count);
    if (outcome < 0) return failed(outcome);
    return count;
  }
  /// A descriptor that is readable while a permit is free. It stays the library's: ipc_sem_fd().
  result<int> fd() const noexcept { return number(ipc_sem_fd(raw())); }

 private:
  ipc_sem_t *raw() const noexcept { return static_cast<const Self *>(this)->native(); }
};

}  // namespace detail

/// A counting semaphore to place in shared memory, with the layout of ipc_sem_t.
class sem : public detail::sem_calls<sem> {
 public:
  result<void> init(unsigned value) noexcept { return detail::done(ipc_sem_init(&raw_, value)); }
  result<void> destroy() noexcept { return detail::done(ipc_sem_destroy(&raw_)); }
  ipc_sem_t *native() const noexcept { return const_cast<ipc_sem_t *>(&raw_); }

 private:
  ipc_sem_t raw_;
};

/// A semaphore with a name. ipc_sem_open().
class named_sem : public detail::owner<ipc_sem_t, ipc_sem_close>, public detail::sem_calls<named_sem> {
 public:
  using owner::owner;
  static result<named_sem> open(const char *name, unsigned value = 0, int flags = 0, mode_t mode = 0600) noexcept {
    ipc_sem_t *handle = nullptr;
    const int outcome = ipc_sem_open(&handle, name, value, flags, mode);
    if (outcome < 0) return detail::failed(outcome);
    return named_sem(handle);
  }
  static result<void> unlink(const char *name) noexcept { return detail::done(ipc_sem_unlink(name)); }
  ipc_sem_t *native() const noexcept { return handle(); }
};

/// An event to place in shared memory, with the layout of ipc_event_t.
class event {
 public:
  /// `flags`: any of IPC_EVENT_AUTO_RESET and IPC_EVENT_SET.
  result<void> init(int flags = 0) noexcept { return detail::done(ipc_event_init(&raw_, flags)); }
  result<void> set() noexcept { return detail::done(ipc_event_set(&raw_)); }
  result<void> reset() noexcept { return detail::done(ipc_event_reset(&raw_)); }
  result<void> wait(timeout limit = forever) noexcept { return detail::done(ipc_event_wait(&raw_, limit.ns())); }
  result<bool> is_set() const noexcept { return detail::truth(ipc_event_is_set(&raw_)); }
  /// A descriptor that is readable while the event is set. It stays the library's: ipc_event_fd().
  result<int> fd() noexcept { return detail::number(ipc_event_fd(&raw_)); }
  result<void> destroy() noexcept { return detail::done(ipc_event_destroy(&raw_)); }
  ipc_event_t *native() noexcept { return &raw_; }

 private:
  ipc_event_t raw_;
};

/// A pool of permits to place in shared memory, with the layout of ipc_permits_t.
class permits {
 public:
  /// A permit that this thread holds. Given back when the object ends.
  class [[nodiscard]] permit {
   public:
    permit() noexcept = default;
    permit(permits &pool, unsigned number, bool owner_died) noexcept : pool_(&pool), number_(number), owner_died_(owner_died) {}
    permit(permit &&other) noexcept : pool_(std::exchange(other.pool_, nullptr)), number_(other.number_), owner_died_(other.owner_died_) {}
    permit &operator=(permit &&other) noexcept {
      if (this != &other) {
        static_cast<void>(give());
        pool_ = std::exchange(other.pool_, nullptr);
        number_ = other.number_;
        owner_died_ = other.owner_died_;
      }
      return *this;
    }
    permit(const permit &) = delete;
    permit &operator=(const permit &) = delete;
    ~permit() { static_cast<void>(give()); }
    explicit operator bool() const noexcept { return pool_ != nullptr; }
    unsigned number() const noexcept { return number_; }
    /// Whether the permit's last holder died with it.
    bool owner_died() const noexcept { return owner_died_; }
    result<void> give() noexcept {
      if (pool_ == nullptr) return {};
      return detail::done(ipc_permits_give(&std::exchange(pool_, nullptr)->raw_, number_));
    }

   private:
    permits *pool_ = nullptr;
    unsigned number_ = 0;
    bool owner_died_ = false;
  };

  result<void> init(unsigned count) noexcept { return detail::done(ipc_permits_init(&raw_, count)); }
  result<permit> take(timeout limit = forever) noexcept {
    unsigned number = 0;
    const int outcome = ipc_permits_take(&raw_, &number, limit.ns());
    if (outcome < 0) return detail::failed(outcome);
    return permit(*this, number, outcome == IPC_OWNER_DIED);
  }
  result<unsigned> free() const noexcept {
    unsigned count = 0;
    const int outcome = ipc_permits_free(&raw_, &count);
    if (outcome < 0) return detail::failed(outcome);
    return count;
  }
  result<void> destroy() noexcept { return detail::done(ipc_permits_destroy(&raw_)); }
  ipc_permits_t *native() noexcept { return &raw_; }

 private:
  ipc_permits_t raw_;
};

/// A barrier to place in shared memory, with the layout of ipc_barrier_t.
class barrier {
 public:
  result<void> init(unsigned count) noexcept { return detail::done(ipc_barrier_init(&raw_, count)); }
  result<void> join() noexcept { return detail::done(ipc_barrier_join(&raw_)); }
  /// Returns true for exactly one participant of each completed round.
  result<bool> wait(timeout limit = forever) noexcept {
    const int outcome = ipc_barrier_wait(&raw_, limit.ns());
    if (outcome < 0) return detail::failed(outcome);
    return outcome == IPC_BARRIER_SERIAL;
  }
  result<void> leave() noexcept { return detail::done(ipc_barrier_leave(&raw_)); }
  result<void> reset() noexcept { return detail::done(ipc_barrier_reset(&raw_)); }
  result<void> destroy() noexcept { return detail::done(ipc_barrier_destroy(&raw_)); }
  ipc_barrier_t *native() noexcept { return &raw_; }

 private:
  ipc_barrier_t raw_;
};

/// An initialisation that runs once, to place in shared memory, with the layout of ipc_once_t.
class once {
 public:
  /// Runs `work()` if no process has run it to its end. Returns whether this call ran it. If `work` throws, it has not
  /// run, and the exception reaches the caller.
  template <class Work>
  result<bool> run(Work &&work, timeout limit = forever) noexcept(noexcept(work())) {
    auto call = [](void *context) { (*static_cast<std::remove_reference_t<Work> *>(context))(); };
    const int outcome = ipc_once(&raw_, call, const_cast<void *>(static_cast<const void *>(&work)), limit.ns());
    if (outcome < 0) return detail::failed(outcome);
    return outcome == IPC_ONCE_RAN;
  }
  /// As run(), for work that may fail: `work()` returns 0 or more, or a negative error number, which becomes the result. Then it has
  /// not run.
  template <class Work>
  result<bool> try_run(Work &&work, timeout limit = forever) noexcept {
    auto call = [](void *context) -> int { return (*static_cast<std::remove_reference_t<Work> *>(context))(); };
    const int outcome = ipc_once_try(&raw_, call, const_cast<void *>(static_cast<const void *>(&work)), limit.ns());
    if (outcome < 0) return detail::failed(outcome);
    return outcome == IPC_ONCE_RAN;
  }
  ipc_once_t *native() noexcept { return &raw_; }

 private:
  ipc_once_t raw_{};
};

static_assert(sizeof(mutex) == sizeof(ipc_mutex_t) && detail::can_be_shared<mutex>, "");
static_assert(sizeof(rwlock) == sizeof(ipc_rwlock_t) && detail::can_be_shared<rwlock>, "");
static_assert(sizeof(cond) == sizeof(ipc_cond_t) && detail::can_be_shared<cond>, "");
static_assert(sizeof(sem) == sizeof(ipc_sem_t) && detail::can_be_shared<sem>, "");
static_assert(sizeof(event) == sizeof(ipc_event_t) && detail::can_be_shared<event>, "");
static_assert(sizeof(permits) == sizeof(ipc_permits_t) && detail::can_be_shared<permits>, "");
static_assert(sizeof(barrier) == sizeof(ipc_barrier_t) && detail::can_be_shared<barrier>, "");
static_assert(sizeof(once) == sizeof(ipc_once_t) && detail::can_be_shared<once>, "");

// ---------------------------------------------------------------------------------------------------------------------
// Message queues

/// A received message and what the queue says about it.
template <class T>
struct message {
  T value;
  unsigned priority;
};

/// A message queue whose messages are Ts. For messages of any length, use ipc::queue<std::byte>.
template <class T>
class queue : public detail::owner<ipc_mq_t, ipc_mq_close> {
  static_assert(std::is_trivially_copyable_v<T>, "a message has to be trivially copyable: the receiver sees only its bytes");
  static_assert(std::is_standard_layout_v<T>, "a message has to have standard layout, so that all programs agree about it");

 public:
  using owner::owner;

  /// Room for one message in the queue's memory. Write the T, then commit(). An object that ends uncommitted gives the room back.
  class [[nodiscard]] slot {
   public:
    slot() noexcept = default;
    slot(ipc_mq_t *queue, void *room) noexcept : queue_(queue), room_(room) {}
    slot(slot &&other) noexcept : queue_(other.queue_), room_(std::exchange(other.room_, nullptr)) {}
    slot &operator=(slot &&other) noexcept {
      if (this != &other) {
        abandon();
        queue_ = other.queue_;
        room_ = std::exchange(other.room_, nullptr);
      }
      return *this;
    }
    slot(const slot &) = delete;
    slot &operator=(const slot &) = delete;
    ~slot() { abandon(); }
    explicit operator bool() const noexcept { return room_ != nullptr; }
    T *get() const noexcept { return static_cast<T *>(room_); }
    T *operator->() const noexcept { return get(); }
    T &operator*() const noexcept { return *get(); }
    /// Sends the message. `count` Ts are its content.
    result<void> commit(unsigned priority = 0, std::size_t count = 1) noexcept {
      const int outcome = ipc_mq_commit(queue_, room_, count * sizeof(T), priority);
      if (outcome < 0) return detail::failed(outcome);
      room_ = nullptr;
      return {};
    }
    void abandon() noexcept {
      if (room_ != nullptr) static_cast<void>(ipc_mq_abandon(queue_, std::exchange(room_, nullptr)));
    }

   private:
    ipc_mq_t *queue_ = nullptr;
    void *room_ = nullptr;
  };

  /// A message that is read in the queue's memory. Returned when the object ends: then it is gone from the queue.
  class [[nodiscard]] borrowed {
   public:
    borrowed() noexcept = default;
    borrowed(ipc_mq_t *queue, const void *data, std::size_t size, unsigned priority, unsigned redeliveries) noexcept
        : queue_(queue), data_(data), size_(size), priority_(priority), redeliveries_(redeliveries) {}
    borrowed(borrowed &&other) noexcept
        : queue_(other.queue_), data_(std::exchange(other.data_, nullptr)), size_(other.size_), priority_(other.priority_),
          redeliveries_(other.redeliveries_) {}
    borrowed &operator=(borrowed &&other) noexcept {
      if (this != &other) {
        static_cast<void>(give_back());
        queue_ = other.queue_;
        data_ = std::exchange(other.data_, nullptr);
        size_ = other.size_;
        priority_ = other.priority_;
        redeliveries_ = other.redeliveries_;
      }
      return *this;
    }
    borrowed(const borrowed &) = delete;
    borrowed &operator=(const borrowed &) = delete;
    ~borrowed() { static_cast<void>(give_back()); }
    explicit operator bool() const noexcept { return data_ != nullptr; }
    const T *get() const noexcept { return static_cast<const T *>(data_); }
    const T *operator->() const noexcept { return get(); }
    const T &operator*() const noexcept { return *get(); }
    span<const T> elements() const noexcept { return span<const T>(get(), size_ / sizeof(T)); }
    unsigned priority() const noexcept { return priority_; }
    /// How often the message came back to the queue because its borrower died.
    unsigned redeliveries() const noexcept { return redeliveries_; }
    result<void> give_back() noexcept {
      if (data_ == nullptr) return {};
      return detail::done(ipc_mq_return(queue_, std::exchange(data_, nullptr)));
    }
    /// Gives the message to a process, or to a thread by its id: see queue::take_over(). On a failure it stays in this object.
    result<void> hand_over(pid_t receiver) noexcept {
      const int outcome = ipc_mq_hand_over(queue_, data_, receiver);
      if (outcome < 0) return detail::failed(outcome);
      data_ = nullptr;
      return {};
    }

   private:
    ipc_mq_t *queue_ = nullptr;
    const void *data_ = nullptr;
    std::size_t size_ = 0;
    unsigned priority_ = 0;
    unsigned redeliveries_ = 0;
  };

  /// Opens, and with ipc::create creates, a queue of `max_messages` messages. `message_size` is the largest length in bytes. If T is
  /// described (see IPC_DESCRIBE_AS), the queue has that type, and a program with another type is refused.
  static result<queue> open(const char *name, std::size_t max_messages = 0, int flags = 0, mode_t mode = 0600,
                            std::size_t message_size = sizeof(T)) noexcept {
    ipc_mq_attr_t attributes{};
    attributes.max_messages = max_messages;
    attributes.message_size = message_size;
    attributes.type = detail::type_of<T>();
    return open(name, max_messages == 0 ? nullptr : &attributes, flags, mode);
  }
  static result<queue> open(const char *name, const ipc_mq_attr_t *attributes, int flags, mode_t mode) noexcept {
    ipc_mq_t *handle = nullptr;
    const int outcome = ipc_mq_open(&handle, name, attributes, flags, mode);
    if (outcome < 0) return detail::failed(outcome);
    return queue(handle);
  }
  static result<void> unlink(const char *name, int flags = 0) noexcept { return detail::done(ipc_mq_unlink(name, flags)); }

  result<void> send(const T &value, unsigned priority = 0, timeout limit = forever) const noexcept {
    return detail::done(ipc_mq_send(handle_, &value, sizeof(T), priority, limit.ns()));
  }
  result<void> send(span<const T> values, unsigned priority, timeout limit = forever) const noexcept {
    return detail::done(ipc_mq_send(handle_, values.data(), values.size() * sizeof(T), priority, limit.ns()));
  }
  /// Receives one T. EBADMSG if the message has another size: then it is taken and gone.
  result<message<T>> receive(timeout limit = forever) const noexcept {
    message<T> received{};
    const ssize_t size = ipc_mq_receive(handle_, &received.value, sizeof(T), &received.priority, limit.ns());
    if (size < 0) return detail::failed(size);
    if (static_cast<std::size_t>(size) != sizeof(T)) return failure(error(EBADMSG));
    return received;
  }
  /// Receives up to `buffer.size()` Ts, and returns how many.
  result<std::size_t> receive(span<T> buffer, unsigned *priority, timeout limit = forever) const noexcept {
    const ssize_t size = ipc_mq_receive(handle_, buffer.data(), buffer.size() * sizeof(T), priority, limit.ns());
    if (size < 0) return detail::failed(size);
    return static_cast<std::size_t>(size) / sizeof(T);
  }
  result<slot> reserve(timeout limit = forever) const noexcept {
    void *room = nullptr;
    const int outcome = ipc_mq_reserve(handle_, &room, limit.ns());
    if (outcome < 0) return detail::failed(outcome);
    return slot(handle_, room);
  }
  /// Borrows one message. EBADMSG if it is shorter than a T: then it is taken and gone.
  result<borrowed> borrow(timeout limit = forever) const noexcept {
    const void *data = nullptr;
    unsigned priority = 0;
    unsigned redeliveries = 0;
    const ssize_t size = ipc_mq_borrow(handle_, &data, &priority, &redeliveries, limit.ns());
    if (size < 0) return detail::failed(size);
    borrowed taken(handle_, data, static_cast<std::size_t>(size), priority, redeliveries);
    if (static_cast<std::size_t>(size) < sizeof(T)) return failure(error(EBADMSG));
    return taken;
  }
  /// Takes a message that borrowed::hand_over() gave to this thread or process. EBADMSG as for borrow().
  result<borrowed> take_over(timeout limit = forever) const noexcept {
    const void *data = nullptr;
    unsigned priority = 0;
    unsigned redeliveries = 0;
    const ssize_t size = ipc_mq_take_over(handle_, &data, &priority, &redeliveries, limit.ns());
    if (size < 0) return detail::failed(size);
    borrowed taken(handle_, data, static_cast<std::size_t>(size), priority, redeliveries);
    if (static_cast<std::size_t>(size) < sizeof(T)) return failure(error(EBADMSG));
    return taken;
  }
  result<ipc_mq_attr_t> attributes() const noexcept {
    ipc_mq_attr_t attributes{};
    const int outcome = ipc_mq_getattr(handle_, &attributes);
    if (outcome < 0) return detail::failed(outcome);
    return attributes;
  }
  result<ipc_mq_stat_t> stat() const noexcept {
    ipc_mq_stat_t stat{};
    const int outcome = ipc_mq_stat(handle_, &stat);
    if (outcome < 0) return detail::failed(outcome);
    return stat;
  }
  /// A descriptor that is readable while there is a message. It stays the queue's.
  result<int> fd() const noexcept { return detail::number(ipc_mq_fd(handle_)); }
  result<bool> stale() const noexcept { return detail::truth(ipc_mq_stale(handle_)); }
};

// ---------------------------------------------------------------------------------------------------------------------
// Topics

/// Every subscriber sees every sample. A handle publishes (ipc::write_only) or subscribes (ipc::read_only).
template <class T>
class topic : public detail::owner<ipc_topic_t, ipc_topic_close> {
  static_assert(std::is_trivially_copyable_v<T>, "a sample has to be trivially copyable: subscribers see only its bytes");
  static_assert(std::is_standard_layout_v<T>, "a sample has to have standard layout, so that all programs agree about it");

 public:
  using owner::owner;

  /// Room for one sample in the topic's memory. Write the T, then commit(). An object that ends uncommitted gives the room back.
  class [[nodiscard]] loan {
   public:
    loan() noexcept = default;
    loan(ipc_topic_t *topic, void *room) noexcept : topic_(topic), room_(room) {}
    loan(loan &&other) noexcept : topic_(other.topic_), room_(std::exchange(other.room_, nullptr)) {}
    loan &operator=(loan &&other) noexcept {
      if (this != &other) {
        abandon();
        topic_ = other.topic_;
        room_ = std::exchange(other.room_, nullptr);
      }
      return *this;
    }
    loan(const loan &) = delete;
    loan &operator=(const loan &) = delete;
    ~loan() { abandon(); }
    explicit operator bool() const noexcept { return room_ != nullptr; }
    T *get() const noexcept { return static_cast<T *>(room_); }
    T *operator->() const noexcept { return get(); }
    T &operator*() const noexcept { return *get(); }
    /// Publishes the sample. `count` Ts are its content.
    result<void> commit(std::size_t count = 1) noexcept {
      const int outcome = ipc_topic_commit(topic_, room_, count * sizeof(T));
      if (outcome < 0) return detail::failed(outcome);
      room_ = nullptr;
      return {};
    }
    void abandon() noexcept {
      if (room_ != nullptr) static_cast<void>(ipc_topic_abandon(topic_, std::exchange(room_, nullptr)));
    }

   private:
    ipc_topic_t *topic_ = nullptr;
    void *room_ = nullptr;
  };

  /// A sample that is read in the topic's memory. Nobody overwrites it before this object ends.
  class [[nodiscard]] sample {
   public:
    sample() noexcept = default;
    sample(ipc_topic_t *topic, const void *data, std::size_t size, const ipc_sample_t &info) noexcept
        : topic_(topic), data_(data), size_(size), info_(info) {}
    sample(sample &&other) noexcept
        : topic_(other.topic_), data_(std::exchange(other.data_, nullptr)), size_(other.size_), info_(other.info_) {}
    sample &operator=(sample &&other) noexcept {
      if (this != &other) {
        static_cast<void>(give_back());
        topic_ = other.topic_;
        data_ = std::exchange(other.data_, nullptr);
        size_ = other.size_;
        info_ = other.info_;
      }
      return *this;
    }
    sample(const sample &) = delete;
    sample &operator=(const sample &) = delete;
    ~sample() { static_cast<void>(give_back()); }
    explicit operator bool() const noexcept { return data_ != nullptr; }
    const T *get() const noexcept { return static_cast<const T *>(data_); }
    const T *operator->() const noexcept { return get(); }
    const T &operator*() const noexcept { return *get(); }
    span<const T> elements() const noexcept { return span<const T>(get(), size_ / sizeof(T)); }
    /// The sample's number, how many this subscriber missed before it, and its time.
    const ipc_sample_t &info() const noexcept { return info_; }
    result<void> give_back() noexcept {
      if (data_ == nullptr) return {};
      return detail::done(ipc_topic_return(topic_, std::exchange(data_, nullptr)));
    }

   private:
    ipc_topic_t *topic_ = nullptr;
    const void *data_ = nullptr;
    std::size_t size_ = 0;
    ipc_sample_t info_{};
  };

  /// Opens a topic that exists.
  static result<topic> open(const char *name, int flags) noexcept { return open(name, nullptr, flags, 0); }
  /// Opens, and with ipc::create in `flags` creates, a topic. `capacity`: how many samples it keeps; `history`: how many of the
  /// latest a new subscriber gets.
  static result<topic> open(const char *name, std::size_t capacity, std::size_t history, int flags, mode_t mode = 0600,
                            int topic_flags = 0, std::size_t sample_size = sizeof(T)) noexcept {
    ipc_topic_attr_t attributes{};
    attributes.type = detail::type_of<T>();
    attributes.sample_size = sample_size;
    attributes.capacity = capacity;
    attributes.history = history;
    attributes.flags = topic_flags;
    return open(name, &attributes, flags, mode);
  }
  static result<topic> open(const char *name, const ipc_topic_attr_t *attributes, int flags, mode_t mode) noexcept {
    ipc_topic_t *handle = nullptr;
    const int outcome = ipc_topic_open(&handle, name, attributes, flags, mode);
    if (outcome < 0) return detail::failed(outcome);
    return topic(handle);
  }
  static result<void> unlink(const char *name) noexcept { return detail::done(ipc_topic_unlink(name)); }

  result<void> send(const T &value, timeout limit = forever) const noexcept {
    return detail::done(ipc_topic_send(handle_, &value, sizeof(T), limit.ns()));
  }
  result<loan> reserve(timeout limit = forever, std::size_t count = 1) const noexcept {
    void *room = nullptr;
    const int outcome = ipc_topic_reserve(handle_, &room, count * sizeof(T), limit.ns());
    if (outcome < 0) return detail::failed(outcome);
    return loan(handle_, room);
  }
  /// A copy of the next sample. EBADMSG if it has another size than a T: then it is taken.
  result<T> receive(timeout limit = forever, ipc_sample_t *info = nullptr) const noexcept {
    T value{};
    const ssize_t size = ipc_topic_receive(handle_, &value, sizeof(T), info, limit.ns());
    if (size < 0) return detail::failed(size);
    if (static_cast<std::size_t>(size) != sizeof(T)) return failure(error(EBADMSG));
    return value;
  }
  /// The next sample, in place. EBADMSG if it is shorter than a T: then it is taken.
  result<sample> borrow(timeout limit = forever) const noexcept {
    const void *data = nullptr;
    ipc_sample_t info{};
    const ssize_t size = ipc_topic_borrow(handle_, &data, &info, limit.ns());
    if (size < 0) return detail::failed(size);
    sample taken(handle_, data, static_cast<std::size_t>(size), info);
    if (static_cast<std::size_t>(size) < sizeof(T)) return failure(error(EBADMSG));
    return taken;
  }
  result<ipc_topic_attr_t> attributes() const noexcept {
    ipc_topic_attr_t attributes{};
    const int outcome = ipc_topic_getattr(handle_, &attributes);
    if (outcome < 0) return detail::failed(outcome);
    return attributes;
  }
  result<ipc_topic_stat_t> stat() const noexcept {
    ipc_topic_stat_t stat{};
    const int outcome = ipc_topic_stat(handle_, &stat);
    if (outcome < 0) return detail::failed(outcome);
    return stat;
  }
  /// A subscriber's descriptor, which is readable while there is a sample to take. It stays the topic's.
  result<int> fd() const noexcept { return detail::number(ipc_topic_fd(handle_)); }
  result<bool> stale() const noexcept { return detail::truth(ipc_topic_stale(handle_)); }
};

// ---------------------------------------------------------------------------------------------------------------------
// Cells

/// The latest value of a type.
template <class T>
class cell : public detail::owner<ipc_cell_t, ipc_cell_close> {
  static_assert(std::is_trivially_copyable_v<T>, "a value in a cell has to be trivially copyable: readers see only its bytes");
  static_assert(std::is_standard_layout_v<T>, "a value in a cell has to have standard layout, so that all programs agree about it");

 public:
  using owner::owner;
  /// Opens, and with ipc::create creates, a cell. The type is described with IPC_DESCRIBE_AS.
  static result<cell> open(const char *name, int flags = 0, mode_t mode = 0600) noexcept {
    static_assert(description<T>::is_given, "describe the type with IPC_DESCRIBE_AS, or pass an ipc_type_t");
    return open(name, description<T>::type, flags, mode);
  }
  static result<cell> open(const char *name, const ipc_type_t &type, int flags = 0, mode_t mode = 0600) noexcept {
    ipc_cell_t *handle = nullptr;
    const int outcome = ipc_cell_open(&handle, name, &type, flags, mode);
    if (outcome < 0) return detail::failed(outcome);
    return cell(handle);
  }
  static result<void> unlink(const char *name) noexcept { return detail::done(ipc_cell_unlink(name)); }

  result<void> write(const T &value) const noexcept { return detail::done(ipc_cell_write(handle_, &value)); }
  /// Calls `change(T &)`, which returns 0 or a negative errno, on a copy of the latest value, and writes the copy. If `change`
  /// fails or throws, nothing is written, and an exception reaches the caller.
  template <class Change>
  result<void> update(Change &&change) const noexcept(noexcept(change(std::declval<T &>()))) {
    auto call = [](void *value, void *context) -> int {
      return (*static_cast<std::remove_reference_t<Change> *>(context))(*static_cast<T *>(value));
    };
    return detail::done(ipc_cell_update(handle_, call, const_cast<void *>(static_cast<const void *>(&change))));
  }
  /// ENODATA before the first write.
  result<T> read(ipc_sample_t *info = nullptr) const noexcept {
    T value{};
    const int outcome = ipc_cell_read(handle_, &value, info);
    if (outcome < 0) return detail::failed(outcome);
    return value;
  }
  /// Waits for a value with a higher number than `after`.
  result<T> wait(std::uint64_t after, timeout limit = forever, ipc_sample_t *info = nullptr) const noexcept {
    T value{};
    const int outcome = ipc_cell_wait(handle_, &value, after, info, limit.ns());
    if (outcome < 0) return detail::failed(outcome);
    return value;
  }
  /// A descriptor that is readable while there is a value that this object has not read. It stays the cell's.
  result<int> fd() const noexcept { return detail::number(ipc_cell_fd(handle_)); }
  result<bool> stale() const noexcept { return detail::truth(ipc_cell_stale(handle_)); }
};

// ---------------------------------------------------------------------------------------------------------------------
// Services

/// The server's side: receives Qs and replies with Rs.
template <class Q, class R>
class service : public detail::owner<ipc_service_t, ipc_service_close> {
  static_assert(std::is_trivially_copyable_v<Q> && std::is_standard_layout_v<Q>, "a request has to be trivially copyable, with standard layout");
  static_assert(std::is_trivially_copyable_v<R> && std::is_standard_layout_v<R>, "a reply has to be trivially copyable, with standard layout");

 public:
  using owner::owner;

  /// A request, and what the library says about it. Pass `info` to reply().
  struct request {
    Q value;
    ipc_request_t info;
  };

  /// `service_flags`: IPC_SERVICE_ONCE or 0.
  static result<service> open(const char *name, int flags = create, mode_t mode = 0600, int service_flags = 0) noexcept {
    ipc_service_attr_t attributes{};
    attributes.request_type = detail::type_of<Q>();
    attributes.reply_type = detail::type_of<R>();
    attributes.request_size = sizeof(Q);
    attributes.reply_size = sizeof(R);
    attributes.flags = service_flags;
    return open(name, &attributes, flags, mode);
  }
  static result<service> open(const char *name, const ipc_service_attr_t *attributes, int flags, mode_t mode) noexcept {
    ipc_service_t *handle = nullptr;
    const int outcome = ipc_service_open(&handle, name, attributes, flags, mode);
    if (outcome < 0) return detail::failed(outcome);
    return service(handle);
  }
  static result<void> unlink(const char *name) noexcept { return detail::done(ipc_service_unlink(name)); }

  /// EBADMSG if the request has another size than a Q: then it is taken, and its client waits for a reply to it.
  result<request> receive(timeout limit = forever) const noexcept {
    request taken{};
    const ssize_t size = ipc_service_receive(handle_, &taken.value, sizeof(Q), &taken.info, limit.ns());
    if (size < 0) return detail::failed(size);
    if (static_cast<std::size_t>(size) != sizeof(Q)) return failure(error(EBADMSG));
    return taken;
  }
  result<void> reply(const ipc_request_t &to, const R &value) const noexcept {
    return detail::done(ipc_service_reply(handle_, &to, &value, sizeof(R)));
  }
  result<ipc_service_stat_t> stat() const noexcept {
    ipc_service_stat_t stat{};
    const int outcome = ipc_service_stat(handle_, &stat);
    if (outcome < 0) return detail::failed(outcome);
    return stat;
  }
  /// A descriptor that is readable while a request waits for a server. It stays the service's.
  result<int> fd() const noexcept { return detail::number(ipc_service_fd(handle_)); }
  result<bool> stale() const noexcept { return detail::truth(ipc_service_stale(handle_)); }
};

/// The client's side.
template <class Q, class R>
class client : public detail::owner<ipc_client_t, ipc_client_close> {
 public:
  using owner::owner;
  /// Types that are described with IPC_DESCRIBE_AS are compared with the service's.
  static result<client> open(const char *name, int flags = 0) noexcept {
    ipc_client_t *handle = nullptr;
    const int outcome = ipc_client_open_typed(&handle, name, detail::type_of<Q>(), detail::type_of<R>(), flags);
    if (outcome < 0) return detail::failed(outcome);
    return client(handle);
  }
  /// The service's sizes and flags. The types in it are null.
  result<ipc_service_attr_t> attributes() const noexcept {
    ipc_service_attr_t attributes{};
    const int outcome = ipc_client_getattr(handle_, &attributes, nullptr, nullptr);
    if (outcome < 0) return detail::failed(outcome);
    return attributes;
  }
  /// Sends a request and waits for its reply. EBADMSG if the reply has another size than an R.
  result<R> call(const Q &request, timeout limit = forever, unsigned priority = 0) const noexcept {
    R reply{};
    const ssize_t size = ipc_client_call(handle_, &request, sizeof(Q), priority, &reply, sizeof(R), limit.ns());
    if (size < 0) return detail::failed(size);
    if (static_cast<std::size_t>(size) != sizeof(R)) return failure(error(EBADMSG));
    return reply;
  }
  /// Sends a request and returns its number. receive() gets the reply.
  result<std::uint64_t> send(const Q &request, timeout limit = forever, unsigned priority = 0) const noexcept {
    std::uint64_t id = 0;
    const int outcome = ipc_client_send(handle_, &request, sizeof(Q), priority, limit.ns(), &id);
    if (outcome < 0) return detail::failed(outcome);
    return id;
  }
  /// The next reply, and in `id` the number of its request.
  result<R> receive(std::uint64_t &id, timeout limit = forever) const noexcept {
    R reply{};
    const ssize_t size = ipc_client_receive(handle_, &reply, sizeof(R), &id, limit.ns());
    if (size < 0) return detail::failed(size);
    if (static_cast<std::size_t>(size) != sizeof(R)) return failure(error(EBADMSG));
    return reply;
  }
  /// A descriptor that is readable while a reply waits for receive(). It stays the client's.
  result<int> fd() const noexcept { return detail::number(ipc_client_fd(handle_)); }
  result<bool> stale() const noexcept { return detail::truth(ipc_client_stale(handle_)); }
};

// ---------------------------------------------------------------------------------------------------------------------
// Children

/// A child process. When the object ends, the child goes on running; see ipc_child_close(3).
class child : public detail::owner<ipc_child_t, ipc_child_close> {
 public:
  using owner::owner;
  /// `argv` is a list of C strings that ends with NULL. `flags`: IPC_STDIN_PIPE and its like.
  static result<child> spawn(const char *const *argv, int flags = 0) noexcept {
    ipc_child_t *handle = nullptr;
    const int outcome = ipc_spawn(&handle, argv, flags);
    if (outcome < 0) return detail::failed(outcome);
    return child(handle);
  }
  static result<child> spawn(const char *const *argv, const ipc_spawn_attr_t &attributes, int flags = 0) noexcept {
    ipc_child_t *handle = nullptr;
    const int outcome = ipc_spawn_with(&handle, argv, flags, &attributes);
    if (outcome < 0) return detail::failed(outcome);
    return child(handle);
  }
  result<ipc_child_exit_t> wait(timeout limit = forever) const noexcept {
    ipc_child_exit_t how{};
    const int outcome = ipc_child_wait(handle_, &how, limit.ns());
    if (outcome < 0) return detail::failed(outcome);
    return how;
  }
  result<void> kill(int signal) const noexcept { return detail::done(ipc_child_kill(handle_, signal)); }
  /// To all processes of the group that the child was started to lead (IPC_CHILD_NEW_GROUP or IPC_CHILD_NEW_SESSION).
  result<void> kill_group(int signal) const noexcept { return detail::done(ipc_child_kill_group(handle_, signal)); }
  result<void> communicate(ipc_exchange_t &exchange, timeout limit = forever) const noexcept {
    return detail::done(ipc_child_communicate(handle_, &exchange, limit.ns()));
  }
  result<void> close_input() const noexcept { return detail::done(ipc_child_close_stdin(handle_)); }
  result<void> close_output() const noexcept { return detail::done(ipc_child_close_stdout(handle_)); }
  result<void> close_error_output() const noexcept { return detail::done(ipc_child_close_stderr(handle_)); }
  result<pid_t> pid() const noexcept { return detail::number(ipc_child_pid(handle_)); }
  /// Descriptors that stay the child's handle's: the ends of its pipes, and a pidfd that is readable after its end.
  result<int> input() const noexcept { return detail::number(ipc_child_stdin(handle_)); }
  result<int> output() const noexcept { return detail::number(ipc_child_stdout(handle_)); }
  result<int> error_output() const noexcept { return detail::number(ipc_child_stderr(handle_)); }
  result<int> fd() const noexcept { return detail::number(ipc_child_fd(handle_)); }
};

// ---------------------------------------------------------------------------------------------------------------------
// Waitsets

/// One wait over many objects. Each entry has a tag, for example the address of what belongs to it, and wait() returns the tags of
/// the entries that are ready. It takes nothing from them: receive, read or wait with ipc::no_wait then.
///
///     auto set = ipc::waitset::open();
///     auto added = set->add_message(commands, &commands);
///     ipc_ready_t room[8];
///     auto ready = set->wait(room, std::chrono::seconds(1));
///     if (ready) for (const ipc_ready_t &entry : *ready) ...
///
/// An object that is closed while it is in a set makes its entry ready. A moved owner stays in the set.
class waitset : public detail::owner<ipc_waitset_t, ipc_waitset_close> {
 public:
  using owner::owner;
  static result<waitset> open() noexcept {
    ipc_waitset_t *handle = nullptr;
    const int outcome = ipc_waitset_open(&handle, 0);
    if (outcome < 0) return detail::failed(outcome);
    return waitset(handle);
  }

  /// Ready while the queue has a message.
  template <class T>
  result<void> add_message(const queue<T> &from, void *tag) const noexcept {
    return add(IPC_WAIT_MESSAGE, from.handle(), tag);
  }
  /// Ready while the queue has room.
  template <class T>
  result<void> add_room(const queue<T> &to, void *tag) const noexcept {
    return add(IPC_WAIT_ROOM, to.handle(), tag);
  }
  /// Ready while a subscriber has a sample to take.
  template <class T>
  result<void> add_sample(const topic<T> &from, void *tag) const noexcept {
    return add(IPC_WAIT_SAMPLE, from.handle(), tag);
  }
  /// Ready while the cell has a value that this object has not read.
  template <class T>
  result<void> add_change(const cell<T> &of, void *tag) const noexcept {
    return add(IPC_WAIT_CHANGE, of.handle(), tag);
  }
  /// Ready while a request waits for a server.
  template <class Q, class R>
  result<void> add_request(const service<Q, R> &by, void *tag) const noexcept {
    return add(IPC_WAIT_REQUEST, by.handle(), tag);
  }
  /// Ready while a reply waits for client::receive().
  template <class Q, class R>
  result<void> add_reply(const client<Q, R> &to, void *tag) const noexcept {
    return add(IPC_WAIT_REPLY, to.handle(), tag);
  }
  /// Ready while the event is set. Remove it before its memory is unmapped, unless it lies in a region of this library.
  result<void> add_event(event &to_wait_for, void *tag) const noexcept { return add(IPC_WAIT_EVENT, to_wait_for.native(), tag); }
  /// Ready while a permit is free. Remove it as an event.
  result<void> add_sem(const sem &to_wait_for, void *tag) const noexcept { return add(IPC_WAIT_SEM, to_wait_for.native(), tag); }
  result<void> add_sem(const named_sem &to_wait_for, void *tag) const noexcept { return add(IPC_WAIT_SEM, to_wait_for.native(), tag); }
  /// Ready when the child has ended.
  result<void> add_child(const child &process, void *tag) const noexcept { return add(IPC_WAIT_CHILD, process.handle(), tag); }
  /// Ready while poll() would report one of these events: any of POLLIN, POLLOUT, POLLPRI and POLLRDHUP. The descriptor stays the
  /// caller's: remove it before it is closed.
  result<void> add_fd(int fd, int poll_events, void *tag) const noexcept {
    return detail::done(ipc_waitset_add_fd(handle_, fd, poll_events, tag));
  }
  result<void> add_fd(const descriptor &file, int poll_events, void *tag) const noexcept { return add_fd(file.fd(), poll_events, tag); }
  /// Ready when the timer has expired, each time: after `first`, and then after each period, unless that is 0.
  result<void> add_timer(timeout first, std::chrono::nanoseconds period, void *tag) const noexcept {
    return detail::done(ipc_waitset_add_timer(handle_, first.ns(), period.count(), tag));
  }
  /// For a kind that has no member here. `what` is one of the IPC_WAIT_ constants, and `object` what ipc_waitset_add() takes.
  result<void> add(int what, void *object, void *tag) const noexcept {
    return detail::done(ipc_waitset_add(handle_, what, object, tag));
  }
  /// Removes all entries with this tag. ENOENT if there is none.
  result<void> remove(void *tag) const noexcept { return detail::done(ipc_waitset_remove(handle_, tag)); }

  /// Waits until entries are ready, and returns the first part of `room`, with one element for each of them. EAGAIN if nothing is
  /// ready and the limit is ipc::no_wait.
  result<span<ipc_ready_t>> wait(span<ipc_ready_t> room, timeout limit = forever) const noexcept {
    const int count = ipc_waitset_wait(handle_, room.data(), room.size(), limit.ns());
    if (count < 0) return detail::failed(count);
    return room.first(static_cast<std::size_t>(count));
  }
  /// A descriptor for an existing loop, which is readable while an entry may be ready. It stays the set's.
  result<int> fd() const noexcept { return detail::number(ipc_waitset_fd(handle_)); }
};

}  // namespace ipc

/// Describes a type for ipc::shm<T> and its like. Use it outside every namespace:
///
///     IPC_DESCRIBE_AS("Point", geometry::Point, 1, x, y)
///
/// A C program that describes its struct as IPC_TYPE_FIELDS(Point, 1, x, y) shares the object.
#define IPC_DESCRIBE_AS(name_, type_, version_, ...)                                    \
  template <>                                                                           \
  struct ipc::description<type_> {                                                      \
    static constexpr bool is_given = true;                                              \
    static constexpr ipc_type_t type = IPC_TYPE_AS(name_, type_, version_, __VA_ARGS__); \
  };

#endif  // ROBUSTIPC_HPP
