// One file per verb: flags -> engine call -> output. No business rules.
#pragma once
