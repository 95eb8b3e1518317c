/*
 * 001_ab1cfce0eb245846.txt: how many cpus there are to work with: as many as a pool has
 * workers if nobody says otherwise. Python: cpu_count().
 */
#include "work.h"

int main(void)
{
    print("%u cpus", brood_cpu_count());
}
