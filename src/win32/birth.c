/* When a process was born, and whether it still lives. Called for the owners of locks, who
 * can be anybody. The number of a process is free for others once its last handle is closed,
 * so the time of its creation is part of who it is.
 */
#include "room.h"

int brd_os_birth(int64_t pid, uint64_t *birth)
{
    FILETIME created, ended, kernel, user;
    if (pid <= 0 || pid > (int64_t)UINT32_MAX)
        return BROOD_EINVAL;
    HANDLE process =
        OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, (DWORD)pid);
    if (!process) {
        if (GetLastError() == ERROR_INVALID_PARAMETER)
            return BROOD_ECLOSED;
        *birth = 0; // somebody is there, whom we may not look at
        return 0;
    }
    bool lives = WaitForSingleObject(process, 0) == WAIT_TIMEOUT;
    bool known = GetProcessTimes(process, &created, &ended, &kernel, &user);
    CloseHandle(process);
    if (!lives)
        return BROOD_ECLOSED;
    *birth = known ? (uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime : 0;
    return 0;
}

uint64_t brd_os_pid_space(void)
{
    return 0;
}
