/*
 * The words of one file. A word is a run of ASCII letters, digits, underscores and
 * bytes from 0x80 up (so UTF-8 stays together); ASCII letters are taken as small.
 */
#include "wordcount.h"
#include <string.h>

typedef struct reader {
    table *words;
    uint32_t hash;
    size_t length;
    char word[WORD_MAX];
    unsigned char fold[256]; /* what a byte is in a word; 0 if it is in none */
} reader;

static void reader_init(reader *r, table *words)
{
    *r = (reader){.words = words, .hash = HASH_START};
    for (unsigned c = 0x80; c < 256; c++)
        r->fold[c] = (unsigned char)c;
    for (const char *c = "abcdefghijklmnopqrstuvwxyz0123456789_"; *c; c++)
        r->fold[(unsigned char)*c] = (unsigned char)*c;
    for (const char *c = "abcdefghijklmnopqrstuvwxyz"; *c; c++)
        r->fold[(unsigned char)*c - 'a' + 'A'] = (unsigned char)*c;
}

static int end_word(reader *r)
{
    int status = BROOD_OK;
    if (r->length)
        status = table_add(r->words, r->word, r->length, r->hash, 1);
    r->length = 0;
    r->hash = HASH_START;
    return status;
}

static int read_words(reader *r, const unsigned char *bytes, size_t size)
{
    int status = BROOD_OK;
    for (size_t i = 0; !status && i < size; i++) {
        unsigned char c = r->fold[bytes[i]];
        if (!c) {
            status = end_word(r);
        } else if (r->length < WORD_MAX) {
            r->hash = hash_byte(r->hash, c);
            r->word[r->length++] = (char)c;
        }
    }
    return status;
}

static int read_file(reader *r, apr_file_t *file, bool *text, uint64_t *bytes)
{
    static unsigned char buffer[BUFFER_SIZE]; // one file at a time in a process
    apr_size_t size = sizeof buffer;
    int status = apr_file_read_full(file, buffer, size, &size);
    *bytes = 0;
    *text = !memchr(buffer, 0, size < BINARY_LOOK ? size : BINARY_LOOK);
    while (*text && size && (!status || APR_STATUS_IS_EOF(status))) {
        *bytes += size;
        int counted = read_words(r, buffer, size);
        if (counted)
            return counted;
        size = sizeof buffer;
        if (!status)
            status = apr_file_read_full(file, buffer, size, &size);
        else
            size = 0;
    }
    if (status && !APR_STATUS_IS_EOF(status) && *text)
        return status;
    return end_word(r);
}

int count_file(table *words, const char *path, apr_pool_t *memory, bool *text, uint64_t *bytes)
{
    apr_pool_t *own = NULL;
    apr_file_t *file = NULL;
    reader r;
    int status = apr_pool_create(&own, memory);
    if (status)
        return BROOD_ENOMEM;
    reader_init(&r, words);
    status = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, 0, own);
    if (!status)
        status = read_file(&r, file, text, bytes);
    apr_pool_destroy(own);
    return status;
}

int count_here(totals *sum, const files *f, const char *skip, apr_pool_t *memory)
{
    for (size_t i = 0; i < f->count; i++) {
        bool text = false;
        uint64_t bytes = 0;
        if (f->paths[i] == skip)
            continue;
        int status = count_file(&sum->table, f->paths[i], memory, &text, &bytes);
        if (status == BROOD_ENOMEM)
            return status;
        sum->failed += status != 0;
        sum->binary += !status && !text;
        sum->files += !status && text;
        sum->bytes += bytes;
    }
    return BROOD_OK;
}
