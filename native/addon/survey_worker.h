#ifndef CORRAL_SURVEY_WORKER_H
#define CORRAL_SURVEY_WORKER_H

#include <napi.h>

#include "survey.h"

// A promise of what Survey() appends. Keeps the event loop alive.
Napi::Value StartSurvey(Napi::Env env, SurveyPlan plan);

#endif
