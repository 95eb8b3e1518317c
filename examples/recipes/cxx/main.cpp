/*
 * brood in C++17: what owns is freed by destructors, a call that fails throws, and a task
 * may throw too. The one thing to know: between the two stands C code, through which no
 * exception may pass; guarded<> turns it into the task's error. Copy from here what fits.
 */
#include <brood/brood.h>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

/* ------------------------------------------------- what owns, and what throws */

class call_failed : public std::runtime_error
{
  public:
    explicit call_failed(int code) : std::runtime_error(brood_status_text(code)), status(code)
    {
    }
    const int status;
};

void check(int status)
{
    if (status)
        throw call_failed(status);
}

/* Is never copied: it may point into itself. */
class message
{
  public:
    message() = default;
    message(const message &) = delete;
    message &operator=(const message &) = delete;
    ~message()
    {
        brood_message_clear(&m);
    }
    operator brood_message *()
    {
        return &m;
    }

  private:
    brood_message m = BROOD_MESSAGE_INIT;
};

struct destroy {
    void operator()(brood_future *f) const
    {
        brood_future_destroy(f);
    }
    void operator()(brood_results *r) const
    {
        brood_results_destroy(r);
    }
};
using future = std::unique_ptr<brood_future, destroy>;
using results = std::unique_ptr<brood_results, destroy>;

/* Left in the normal way, its tasks are finished first; by an exception, they are ended. */
class pool
{
  public:
    explicit pool(uint32_t processes)
    {
        brood_pool_options o = BROOD_POOL_OPTIONS_INIT; // BROOD_POOL() is C
        o.processes = processes;
        check(brood_pool_create(&p, &o));
    }
    pool(const pool &) = delete;
    pool &operator=(const pool &) = delete;
    ~pool()
    {
        if (std::uncaught_exceptions() == before && brood_pool_close(p) == BROOD_OK)
            (void)brood_pool_join(p, BROOD_FOREVER);
        brood_pool_destroy(p);
    }
    operator brood_pool *() const
    {
        return p;
    }

  private:
    brood_pool *p = nullptr;
    const int before = std::uncaught_exceptions();
};

/* --------------------------------------------------------------------- tasks */

/* A function that may throw, as one that brood can call. */
template <int (*Function)(brood_message *, brood_message *)>
int guarded(brood_message *args, brood_message *result) noexcept
{
    try {
        return Function(args, result);
    } catch (const std::exception &e) {
        return brood_fail("%s", e.what());
    } catch (...) {
        return brood_fail("an exception of no known type");
    }
}

/* To the letter of the standard, C code calls functions of C linkage. No C++ in here throws. */
extern "C" {
static int length_of(brood_message *args, brood_message *result)
{
    const char *text = nullptr;
    int status = brood_unpack(args, "s", &text);
    return status ? status : brood_pack(result, "x", static_cast<int64_t>(std::strlen(text)));
}
}

int hexadecimal(brood_message *args, brood_message *result)
{
    const char *text = nullptr;
    check(brood_unpack(args, "s", &text));
    std::size_t used = 0;
    const long value = std::stol(text, &used, 16); // throws what is no number
    if (used != std::strlen(text))
        throw std::invalid_argument(std::string("rubbish behind the number: ") + text);
    return brood_pack(result, "x", static_cast<int64_t>(value));
}

/* ------------------------------------------------------------------ the program */

int64_t get(const future &f)
{
    int64_t value = 0;
    check(brood_future_unpack(f.get(), BROOD_FOREVER, "x", &value));
    return value;
}

int64_t sum_of_lengths(brood_pool *workers, const std::vector<const char *> &words)
{
    brood_results *out = nullptr;
    int64_t sum = 0;
    int status = brood_pool_map(workers, length_of, brood_items_strings(words.data(), words.size()),
                                nullptr, &out);
    const results owner(out); // also of results that failed
    check(status);
    for (std::size_t i = 0; i < words.size(); i++) {
        int64_t length = 0;
        check(brood_unpack(brood_results_at(out, i), "x", &length));
        sum += length;
    }
    return sum;
}

int64_t answer_of_lambda(brood_pool *workers)
{
    int64_t value = 0;
    message result;
    // One without a capture is a function, which gcc, clang and MSVC take for one of C. A
    // capture would be memory of this process, and does not compile.
    check(brood_pool_run(
        workers, [](brood_message *, brood_message *r) { return brood_pack(r, "x", int64_t{42}); },
        result, ""));
    check(brood_unpack(result, "x", &value));
    return value;
}

std::string failure_of(brood_pool *workers, const char *text)
{
    brood_future *f = nullptr;
    check(brood_pool_call(workers, guarded<hexadecimal>, &f, "s", text));
    const future owner(f);
    try {
        return std::to_string(get(owner));
    } catch (const call_failed &) {
        return brood_future_error(f)->text;
    }
}

int run()
{
    const pool workers(2);
    const int64_t sum = sum_of_lengths(workers, {"one", "two", "three"});
    const int64_t answer = answer_of_lambda(workers);
    const std::string good = failure_of(workers, "ff");
    const std::string bad = failure_of(workers, "12 apples");
    const std::string none = failure_of(workers, "none");
    std::printf("%d letters; %d; ff is %s; 12 apples: %s; none: %s\n", static_cast<int>(sum),
                static_cast<int>(answer), good.c_str(), bad.c_str(), none.c_str());
    return !(sum == 11 && answer == 42 && good == "255" &&
             bad == "rubbish behind the number: 12 apples" && !none.empty());
}

} // namespace

int main(int argc, char **argv)
{
    brood_main(&argc, &argv); // outside of try: a worker never leaves it, whatever is thrown

    try {
        return run();
    } catch (const std::exception &e) {
        std::fprintf(stderr, "cxx: %s\n", e.what());
        return 1;
    }
}
